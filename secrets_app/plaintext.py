"""An opaque wrapper that carries a value between the resolver and the channel.

It guarantees that a value does not leave the object by accident. Error pages, log lines, comparisons, copies and
serializers get a constant or a TypeError; `expose()` is the only way out and is easy to search for. It does not
guarantee that memory is wiped, because Python may copy strings at any time (docs/crypto.md).
"""

from typing import NoReturn, final

MIN_LENGTH = 8
"""In characters. Shorter values occur in responses by chance, so they cannot be masked reliably."""


@final
class Plaintext:
    """The text of one value. Not even its length or truth value can be read."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError("a plaintext holds text")
        self._text = text

    def expose(self) -> str:
        """Return the text. Every caller is a place where a value could leak, so keep callers few."""
        return self._text

    def __repr__(self) -> str:
        return "<Plaintext>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a plaintext is not shown, compared, measured or copied")

    __str__ = __format__ = _refuse
    __eq__ = __ne__ = __hash__ = _refuse  # equality would be an oracle, and a hash would be a fingerprint
    __bool__ = __len__ = __iter__ = __bytes__ = _refuse
    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse


def is_short(value: Plaintext) -> bool:
    """Whether a value has fewer than `MIN_LENGTH` characters."""
    return len(value._text) < MIN_LENGTH  # noqa: SLF001 - that of this module
