"""The rules for values (docs/concepts.md, "Values"): limits, and warnings about likely mistakes.

Nothing here changes a value, not even its white space, and no message quotes it.
"""

import re
from dataclasses import dataclass
from typing import Literal

from secrets_app.naming.value_traits import SCHEME
from secrets_app.plaintext import MIN_LENGTH, Plaintext

MAX_BYTES = 65_536

_SURROGATE = re.compile("[\ud800-\udfff]")
_ONE_WORD = re.compile(r"[A-Z]?[a-z]{1,15}|[A-Z]{1,16}")
_SERVER = re.compile(
    r"(?:[a-z]{2,10}://)?(?:localhost|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5})(?::\d{1,5})?/?", re.IGNORECASE
)
_ONE_CHARACTER = re.compile(r"(.)\1*", re.DOTALL)
_TRAILING_DECORATION = re.compile(r"[0-9!.]*\Z")
_NOT_LETTERS_OR_DIGITS = re.compile(r"[^a-z0-9]+")
_WORDS = """
    abc admin api apikey change changeme client demo dummy enter example false fill foo foobar goes here insert is key
    letmein me my none null p4ssw0rd pass passw0rd password paste placeholder put qwerty real redacted replace sample
    secret some tbd test the this to todo token true undefined value welcome with your
"""
_STAND_IN_WORDS = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """The reason why a value is refused: an API code, and a sentence that does not contain the value."""

    code: Literal["invalid", "value_too_long", "value_too_short"]
    message: str


def problem_with_value(value: Plaintext, *, allow_short: bool) -> ValueProblem | None:
    """Return the reason to refuse a value, or None.

    Args:
        allow_short: the person confirmed that a short value is intended.
    """
    text = value.expose()
    if not text:
        return ValueProblem("invalid", "Enter a value.")
    if "\0" in text or _SURROGATE.search(text):
        return ValueProblem(
            "invalid", "The value contains a NUL or a character that UTF-8 cannot represent. Paste it again as text."
        )
    if len(text.encode()) > MAX_BYTES:
        return ValueProblem("value_too_long", "A value is at most 64 KiB of UTF-8.")
    if len(text) < MIN_LENGTH and not allow_short:
        return ValueProblem(
            "value_too_short",
            f"A value under {MIN_LENGTH} characters cannot be masked reliably in responses. "
            "Confirm that it is intended, or enter a longer one.",
        )
    return None


@dataclass(frozen=True, slots=True)
class ValueWarning:
    """A likely mistake in a value that is accepted: an API code, and a sentence that does not contain the value."""

    code: str
    message: str


def warnings_for(value: Plaintext) -> list[ValueWarning]:
    """Return the likely mistakes in a value that is accepted."""
    text = value.expose()
    checks = (
        (text[:1].isspace(), "white_space", "The value starts with white space."),
        (text.endswith(("\n", "\r")), "line_break", "The value ends with a line break."),
        (text[-1:].isspace() and not text.endswith(("\n", "\r")), "white_space", "The value ends with white space."),
        (
            SCHEME.match(text.lstrip()),
            "scheme",
            "The value starts with a scheme such as “Bearer ”. Usually the integration adds it.",
        ),
        (
            text.startswith("-----BEGIN ") and "\\n" in text and "\n" not in text,
            "escaped_line_breaks",
            "The key has “\\n” written out instead of line breaks. It is sent like that.",
        ),
        (text.strip().isdigit(), "digits", "The value consists of digits only and is easy to guess."),
        (
            _is_stand_in(text.strip()),
            "stand_in",
            "The value looks like a word or a placeholder, not like a credential.",
        ),
    )
    return [ValueWarning(code, sentence) for applies, code, sentence in checks if applies]


def looks_like_setting(value: Plaintext) -> bool:
    """Whether a value is rather a setting than a credential: `true`, `587`, `local`, the address of a server.

    A proposal for people, who decide.
    """
    text = value.expose().strip()
    return len(text) < MIN_LENGTH or bool(_ONE_WORD.fullmatch(text) or _SERVER.fullmatch(text))


def _is_stand_in(text: str) -> bool:
    """Whether the text is a plain word, one repeated character, or made of words such as `changeme` and `your key`."""
    if not text or _ONE_WORD.fullmatch(text) or _ONE_CHARACTER.fullmatch(text):
        return bool(text)
    bare = _TRAILING_DECORATION.sub("", text.lower())
    words = [word for word in _NOT_LETTERS_OR_DIGITS.split(bare) if word]
    return bool(words) and all(word in _STAND_IN_WORDS or _ONE_CHARACTER.fullmatch(word) for word in words)
