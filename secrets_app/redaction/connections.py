"""Both ways of a connection that carries whole messages, text and binary, such as a WebSocket.

What an upstream sends is masked, and what a caller sends is searched, each message by itself and together with those
before it: a value may come in pieces.
"""

from collections import deque
from typing import final

from secrets_app.redaction.joining import JoinedTexts
from secrets_app.redaction.leaves import leaves_of_message
from secrets_app.redaction.matcher import Budget
from secrets_app.redaction.messages import MessageMask
from secrets_app.redaction.reasons import Reason
from secrets_app.redaction.redactor import GAP, Hit, Redactor
from secrets_app.redaction.windows import StreamWithheld

CONTEXT_BYTES = 1024
"""What is searched again with the next message: more than a form of a value takes that is found by a part of it."""

Message = str | bytes


def as_bytes(message: Message) -> bytes:
    """Return a message as it is searched."""
    return message.encode() if isinstance(message, str) else message


@final
class ConnectionMask:
    """Masks the messages that an upstream sends, in their order."""

    __slots__ = ("_are_text", "_messages", "_redactor", "_tail")

    def __init__(self, redactor: Redactor) -> None:
        """Prepare for a connection.

        Args:
            redactor: the values of the run, and those of other runs to the same hosts.
        """
        self._redactor, self._messages = redactor, MessageMask(redactor)
        self._are_text: deque[bool] = deque()
        self._tail = b""

    @property
    def found(self) -> frozenset[str]:
        """The names of the secrets whose values have been found so far."""
        return self._messages.found

    @property
    def is_holding(self) -> bool:
        """Whether messages are held back because a value may have begun in them."""
        return bool(self._are_text)

    def check(self) -> None:
        """Raise StreamWithheld if no message can be passed on, whatever it is."""
        self._messages.check()

    def feed(self, message: Message) -> list[Message]:
        """Take a message; return the messages that may go on now.

        Raises:
            StreamWithheld: a value cannot be cut out, or the message could not be searched. It does not go on, and
                none that is held back does.
        """
        self._are_text.append(isinstance(message, str))
        return self._given(self._messages.feed(as_bytes(message)))

    def make_way(self) -> list[Message]:
        """Return what is held back if nothing follows for a while, unless most of a value may have begun in it."""
        try:
            return self._given(self._messages.make_way())
        except StreamWithheld:
            return []

    def end(self) -> list[Message]:
        """Return what is held back at the end of the connection.

        Raises:
            StreamWithheld: as `feed` does.
        """
        return self._given(self._messages.end())

    def _given(self, masked: list[bytes]) -> list[Message]:
        return [self._one(message) for message in masked]

    def _one(self, message: bytes) -> Message:
        if self._are_text.popleft():
            return message.decode("utf-8", "replace")
        self._check_with_those_before(message)
        return message

    def _check_with_those_before(self, message: bytes) -> None:
        """Search the place where two binary messages meet; texts are joined by their places."""
        if self._tail and self._redactor.hits(self._tail + message[:CONTEXT_BYTES]) != []:
            raise StreamWithheld(Reason.VALUE)
        self._tail = (self._tail + message[-CONTEXT_BYTES:])[-CONTEXT_BYTES:]


@final
class ConnectionSearch:
    """Searches the messages that a caller sends."""

    __slots__ = ("_budget", "_joined", "_redactor", "_tail")

    def __init__(self, redactor: Redactor) -> None:
        """Prepare for a connection."""
        self._redactor, self._joined, self._budget = redactor, JoinedTexts(redactor), Budget(0)
        self._tail = b""

    def hits(self, message: Message) -> list[Hit] | None:
        """Return the values in a message, and those that it completes; None if it could not be searched."""
        raw = as_bytes(message)
        window = self._tail + raw
        self._tail = window[-CONTEXT_BYTES:]
        text = GAP.join([window, *self._joined.add(leaves_of_message(raw))])
        self._budget.grant(len(text))
        return self._redactor.hits(text, budget=self._budget)
