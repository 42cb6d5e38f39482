"""Filling a template for the slot that it is sent in.

Values and arguments are encoded for their slot, and values that a slot cannot carry are refused
(docs/security-rules.md, "Slots"). A slot is filled in one pass over the parts of the template, so inserted text is
never parsed. Building requests is left to `exchange/messages.py`.

Paths have rules of their own, before and after values are filled in: no segment may be empty, `.` or `..` in any
encoding (OpenBao's CVE-2026-3605 is an example of the attack).
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote

from accounts.errors import FieldError
from integrations.errors import InvalidArguments, InvalidHeaderValue, InvalidPathValue
from integrations.templating.placeholders import Part, Placeholder, SecretPlaceholder, Template
from secrets_app.naming.value_traits import CONTROL, HEADER_TEXT, SCHEME
from secrets_app.plaintext import Plaintext

MASK = "\N{BULLET}" * 8
"""What a preview shows for a value; its length does not depend on the value."""

Encode = Callable[[str, Placeholder], str]

_SCHEME_TWICE = re.compile(rf"{SCHEME.pattern}(?=\1\s)", SCHEME.flags)

DECODING_PASSES = 3
"""How many layers of percent-encoding an upstream and its proxies may plausibly decode."""

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OUTSIDE_PATH = re.compile(r"[?#\\\x00-\x1f\x7f]")
_SEPARATOR = re.compile(r"[/\\]")
_LITERAL_SAFE = "/%:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class Filling:
    """The values and arguments of one request. `secrets` is None in a preview, which shows the mask."""

    params: Mapping[str, object] = field(repr=False)
    secrets: Mapping[str, Plaintext] | None = field(default=None, repr=False)

    @property
    def is_preview(self) -> bool:
        """Whether this is for display, without values."""
        return self.secrets is None

    def fill(self, template: Template, encode: Encode, literal: Callable[[str], str] = str) -> str:
        """Join the parts of a template; `encode` is applied to inserted texts and `literal` to literals."""
        filled = [literal(part) if isinstance(part, str) else self._insert(part, encode) for part in template.parts]
        return "".join(filled)

    def argument(self, name: str) -> object:
        """Return an argument with its JSON type.

        Raises:
            InvalidArguments: there is no such argument.
        """
        if name not in self.params:
            raise _bad_argument(name, "This parameter is required.")
        return self.params[name]

    def _insert(self, part: Placeholder, encode: Encode) -> str:
        if not isinstance(part, SecretPlaceholder):
            return encode(argument_text(part.name, self.argument(part.name)), part)
        if self.secrets is None:
            return MASK
        return encode(self.secrets[part.name].expose(), part)


def fill_text(template: Template, filling: Filling) -> str:
    """Fill a text without encoding: a text body, or a string of a JSON body, which is quoted later."""
    return filling.fill(template, lambda text, _: text)


def fill_query(template: Template, filling: Filling) -> str:
    """Fill the value of a query parameter, percent-encoded (a space is `%20`)."""
    return filling.fill(template, lambda text, _: quote(text, safe=""), lambda literal: quote(literal, safe=""))


def fill_form(template: Template, filling: Filling) -> str:
    """Fill a value of `application/x-www-form-urlencoded` (a space is `+`)."""
    return filling.fill(template, lambda text, _: quote_plus(text), quote_plus)


def fill_header(name: str, template: Template, filling: Filling) -> str:
    """Fill the value of the header `name`.

    Raises:
        InvalidHeaderValue: the value is not visible ASCII with inner blanks only.
    """

    def checked(text: str, part: Part) -> str:
        if not HEADER_TEXT.fullmatch(text):
            raise InvalidHeaderValue(
                f"The header {name} cannot be sent: what {part} stands for holds a character that a header may not "
                "hold, such as a line break or a letter outside ASCII."
            )
        return text

    value = filling.fill(template, checked, lambda literal: checked(literal, "its text"))
    if not value or value != value.strip(" \t"):
        raise InvalidHeaderValue(
            f"The header {name} cannot be sent: with {_used(template)} filled in it is empty or has blanks at an edge."
        )
    if _SCHEME_TWICE.match(value):
        raise InvalidHeaderValue(
            f"The header {name} cannot be sent: with {_used(template)} filled in it names its scheme twice, as in "
            "“Bearer Bearer”. Remove the scheme from the value or from the integration."
        )
    return value


def fill_basic(username: Template, password: Template, filling: Filling, *, encoded: bool = False) -> str:
    """Return `user:password` in base64 (RFC 7617 section 2); the mask in a preview.

    Args:
        encoded: form-urlencode both first (RFC 6749 section 2.3.1); no character needs to be refused then.

    Raises:
        InvalidHeaderValue: the user name contains a colon, or either contains a control character.
    """

    def checked(text: str, part: Part) -> str:
        if encoded:
            return quote_plus(text)
        if not text.isprintable() or (part in username.parts and ":" in text):
            raise InvalidHeaderValue(
                f"The header Authorization cannot be sent: what {part} stands for holds a line break, another control "
                "character, or a colon in the user name."
            )
        return text

    literal = quote_plus if encoded else str
    pair = f"{filling.fill(username, checked, literal)}:{filling.fill(password, checked, literal)}"
    return MASK if filling.secrets is None else base64.b64encode(pair.encode()).decode()


def fill_sip(what: str, template: Template, filling: Filling) -> str:
    """Fill a user name or password for digest authentication. `sip.digest` quotes it where necessary.

    Args:
        what: the name of the text in messages.

    Raises:
        InvalidHeaderValue: the text contains a control character.
    """

    def checked(text: str, part: Part) -> str:
        if CONTROL.search(text):
            raise InvalidHeaderValue(
                f"The {what} cannot be used: what {part} stands for holds a line break or another control character."
            )
        return text

    return filling.fill(template, checked, lambda literal: checked(literal, "its text"))


def bearer(token: Plaintext) -> str:
    """Return the value of the `Authorization` header for an access token (RFC 6750 section 2.1)."""
    return f"Bearer {token.expose()}"


def fill_path(template: Template, filling: Filling) -> str:
    """Fill the path below the base URL; inserted text is percent-encoded, including `/`.

    Raises:
        InvalidPathValue: a value is empty, or a segment becomes empty, `.` or `..`.
    """

    def segment(text: str, part: Placeholder) -> str:
        if not text:
            raise InvalidPathValue(f"The path cannot be sent: what {part} stands for is empty.")
        return quote(text, safe="")

    path = filling.fill(template, segment, quote_literal)
    if has_unsafe_segment(path):
        raise InvalidPathValue(
            f"The path cannot be sent: with {_used(template)} filled in, a part of it is empty, “.” or “..”."
        )
    return path


def _used(template: Template) -> str:
    """Return the placeholders of a template for a message, never their values."""
    return ", ".join(str(part) for part in template.parts if not isinstance(part, str)) or "nothing"


def argument_text(name: str, value: object) -> str:
    """Return a scalar argument as text.

    Raises:
        InvalidArguments: the argument has no single obvious spelling as text.
    """
    if isinstance(value, int | float):
        return _number_text(name, value)
    if not isinstance(value, str):
        raise _bad_argument(name, "Only a text, a number or true/false can go here; null, lists and objects cannot.")
    if not value.isascii() and not _is_unicode_text(value):
        raise _bad_argument(name, "This text is not valid Unicode.")
    return value


def _number_text(name: str, value: float) -> str:
    """Return a number or boolean as JSON; a number with a fraction as it was written."""
    try:
        return getattr(value, "text", None) or json.dumps(value, allow_nan=False)
    except ValueError:  # infinity, or more digits than Python writes
        raise _bad_argument(name, "This number is too large.") from None


def _is_unicode_text(text: str) -> bool:
    """Return whether a text can be encoded as UTF-8; unpaired surrogates, which JSON can spell, cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _bad_argument(name: str, message: str) -> InvalidArguments:
    return InvalidArguments("The arguments do not match.", errors=[FieldError(f"params.{name}", message)])


def problem_with_path(template: Template) -> str | None:
    """Return why a configured path is refused; None if it is accepted. It may be empty."""
    if not template.parts:
        return None
    filled = "".join(part if isinstance(part, str) else "x" for part in template.parts)
    if not filled.startswith("/") or filled.startswith("//"):
        return "Start the path with one “/”."
    if _in_literals(_OUTSIDE_PATH, template):
        return "Leave out “?”, “#”, “\\” and control characters; query parameters have their own list."
    if _in_literals(_BARE_PERCENT, template):
        return "Enter two hexadecimal digits after each “%”, or “%25” for the sign itself."
    if has_unsafe_segment(quote_literal(filled)):
        return "Leave out “.” and “..” and encoded slashes without a name between them."
    return None


def _in_literals(pattern: re.Pattern[str], template: Template) -> bool:
    return any(pattern.search(literal) for literal in template.literals)


def quote_literal(text: str) -> str:
    """Percent-encode the characters of a literal that a path cannot contain."""
    return quote(text, safe=_LITERAL_SAFE)


def has_unsafe_segment(path: str) -> bool:
    """Return whether a segment of an encoded path is, or decodes to, `.`, `..` or nothing.

    Empty segments in the template itself, such as a final slash, are accepted. A value cannot create one, because empty
    values are refused.
    """
    return any(segment and _is_unsafe(segment) for segment in path.split("/"))


def _is_unsafe(segment: str) -> bool:
    return any(_is_empty_or_dots(piece) for text in decodings(segment) for piece in _SEPARATOR.split(text))


def decodings(text: str) -> Iterator[str]:
    """Yield a text and what it reads as without one, two and three layers of percent-encoding."""
    for _ in range(DECODING_PASSES + 1):
        yield text
        text = unquote(text)


def _is_empty_or_dots(piece: str) -> bool:
    """Return whether a segment is empty, `.` or `..`. Servers with path parameters read `..;x` as `..`."""
    return piece.split(";", 1)[0].strip(" \t\r\n\0") in {"", ".", ".."}
