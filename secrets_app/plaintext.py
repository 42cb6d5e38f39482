"""The opaque carrier of a value between the resolver and the channel.

Owns one promise: a value does not leave this object by accident. Error pages, log lines, comparisons, copies and
serialisers all get a constant or a TypeError; `expose()` is the one way out and is easy to search for. It does not
promise that memory is wiped: Python copies text as it likes (docs/crypto.md).
"""

from typing import NoReturn, final


@final
class Plaintext:
    """The text of one value. Even its length and its truth are not for reading."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError("a plaintext holds text")
        self._text = text

    def expose(self) -> str:
        """The text itself. Each caller is a place where a value could leak: keep them few."""
        return self._text

    def __repr__(self) -> str:
        return "<Plaintext>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a plaintext is not shown, compared, measured or copied")

    __str__ = __format__ = _refuse
    __eq__ = __ne__ = __hash__ = _refuse  # an equality test would be an oracle, a hash a fingerprint
    __bool__ = __len__ = __iter__ = __bytes__ = _refuse
    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse
