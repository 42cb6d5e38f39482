"""Masking of the messages of a connection, such as those of a WebSocket: each one is whole, and none has an end."""

from typing import final

from secrets_app.redaction.leaves import leaves_of_message
from secrets_app.redaction.matcher import Budget
from secrets_app.redaction.reasons import Reason
from secrets_app.redaction.redactor import Redactor
from secrets_app.redaction.units import UnitMask
from secrets_app.redaction.windows import MOST_LETTERS, StreamWithheld


@final
class MessageMask:
    """Masks whole messages in order. Values that are cut into several messages are found as in event streams."""

    __slots__ = ("_budget", "_redactor", "_units")

    def __init__(self, redactor: Redactor) -> None:
        """Prepare for a connection."""
        self._redactor, self._budget = redactor, Budget(0)
        self._units = UnitMask(redactor, self._budget, leaves_of_message)

    @property
    def found(self) -> frozenset[str]:
        """The names of the secrets whose values have been found so far."""
        return self._units.found

    def check(self) -> None:
        """Raise StreamWithheld if no message can be passed on, whatever it is."""
        if self._redactor.has_short:
            raise StreamWithheld(Reason.SHORT_VALUE)
        if self._redactor.reach > MOST_LETTERS:
            raise StreamWithheld(Reason.NOT_CHECKED)

    def feed(self, message: bytes) -> list[bytes]:
        """Take a message; return the messages that may go on now, masked, in order.

        A message that ends with the beginning of a value is held back until the next ones show whether it is one.

        Raises:
            StreamWithheld: a value cannot be cut out, or the message could not be searched.
        """
        if not self._redactor.is_needed:
            return [message]
        self.check()
        return self._units.take(message)

    def make_way(self) -> list[bytes]:
        """Return what is held back although nothing has followed yet.

        Raises:
            StreamWithheld: most of a value may be in what is held back.
        """
        return self._units.make_way()

    def end(self) -> list[bytes]:
        """Return the messages that are held back until the connection ends."""
        return self._units.release()

    def mask(self, message: bytes) -> bytes:
        """Mask one message on its own, without regard to those before.

        Raises:
            StreamWithheld: as `feed` does.
        """
        if not self._redactor.is_needed:
            return message
        self.check()
        self._budget.grant(len(message))
        masked = self._redactor.mask_bytes(message, budget=self._budget)
        self._units.found |= masked.found
        if masked.withheld:
            raise StreamWithheld(masked.withheld)
        return masked.text
