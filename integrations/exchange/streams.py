"""Requests and responses that flow: what they are made of, and how long each part of them may take."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the parts of a stream may take, in seconds.

    Attributes:
        first_byte: from the last byte of the request to the head of the response, look-up and connecting included.
        idle: between two pieces, of the request and of the response.
        total: from beginning to end.
    """

    first_byte: float
    idle: float
    total: float

    @classmethod
    def within(cls, seconds: float) -> Self:
        """Return the deadlines of a call that has one limit of time for everything."""
        return cls(seconds, seconds, seconds)


@dataclass(frozen=True, slots=True)
class Upload:
    """The body of a request, as it arrives.

    Attributes:
        pieces: each is sent before the next is asked for.
        length: the bytes of all pieces together; None if nobody has said.
    """

    pieces: AsyncIterator[bytes] = field(repr=False)
    length: int | None


@dataclass(frozen=True, slots=True)
class Passed:
    """What a caller sends along besides the arguments: headers and a body.

    Attributes:
        headers: as they came, without those that carried the key.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    upload: Upload | None = field(default=None, repr=False)


NOTHING = Passed()
