"""How one template becomes text in the place where it goes.

Owns: the insertion of values and arguments, each encoded for its slot (docs/security-rules.md, "Slots"), and the
refusals of what a slot cannot carry. Every slot is filled in one pass over the template's parts, so inserted text is
never looked at again. It does not build requests and does not know which host they go to.

A path has rules of its own, before and after values go in: no segment may climb or vanish, in whatever encoding it is
written (OpenBao CVE-2026-3605 is the lesson).
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote

from accounts.errors import FieldError
from integrations.errors import InvalidArguments, InvalidHeaderValue, InvalidPathValue
from integrations.templating.placeholders import Part, Placeholder, SecretPlaceholder, Template
from secrets_app.plaintext import Plaintext

MASK = "\N{BULLET}" * 8
"""What a preview shows for a value; its length says nothing."""

Encode = Callable[[str, Placeholder], str]

_HEADER_TEXT = re.compile(r"[\t\x20-\x7e]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

DECODING_PASSES = 3
"""How many layers of percent-encoding an upstream and the proxies before it may plausibly take off."""

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OUTSIDE_PATH = re.compile(r"[?#\\\x00-\x1f\x7f]")
_SEPARATOR = re.compile(r"[/\\]")
_LITERAL_SAFE = "/%:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class Filling:
    """What the placeholders of one request stand for; `secrets` is None in a preview, which shows the mask instead."""

    params: Mapping[str, object] = field(repr=False)
    secrets: Mapping[str, Plaintext] | None = field(default=None, repr=False)

    def fill(self, template: Template, encode: Encode, literal: Callable[[str], str] = str) -> str:
        """Join the template's parts, with `encode` applied to each inserted text and `literal` to the rest."""
        filled = (literal(part) if isinstance(part, str) else self._insert(part, encode) for part in template.parts)
        return "".join(filled)

    def argument(self, name: str) -> object:
        """The argument itself, with its JSON type; raises InvalidArguments when there is none."""
        if name not in self.params:
            raise _bad_argument(name, "This parameter is needed.")
        return self.params[name]

    def _insert(self, part: Placeholder, encode: Encode) -> str:
        if not isinstance(part, SecretPlaceholder):
            return encode(_argument_text(part.name, self.argument(part.name)), part)
        if self.secrets is None:
            return MASK
        return encode(self.secrets[part.name].expose(), part)


def fill_text(template: Template, filling: Filling) -> str:
    """The text as it is: a text body, a string in a JSON body (the JSON encoder quotes it afterwards)."""
    return filling.fill(template, lambda text, _: text)


def fill_query(template: Template, filling: Filling) -> str:
    """One value of a query, percent-encoded whole (a space is `%20`)."""
    return filling.fill(template, lambda text, _: quote(text, safe=""), lambda literal: quote(literal, safe=""))


def fill_form(template: Template, filling: Filling) -> str:
    """One value of `application/x-www-form-urlencoded`, encoded whole (a space is `+`)."""
    return filling.fill(template, lambda text, _: quote_plus(text), quote_plus)


def fill_header(name: str, template: Template, filling: Filling) -> str:
    """The value of the header `name`; raises InvalidHeaderValue unless it is visible ASCII with inner blanks."""

    def checked(text: str, part: Part) -> str:
        if not _HEADER_TEXT.fullmatch(text):
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
    return value


def fill_basic(username: Template, password: Template, filling: Filling, *, encoded: bool = False) -> str:
    """Base64 of `user:password` in UTF-8 (RFC 7617 section 2); the mask in a preview.

    `encoded` form-urlencodes both first (RFC 6749 section 2.3.1), so that nothing needs to be refused.

    Raises InvalidHeaderValue: the user name holds a colon, or one of them a control character.
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
    """A user name or password for digest authentication; raises InvalidHeaderValue for control characters.

    `what` is its name in that sentence. Quotes and backslashes are escaped where the text is quoted (`digest.quoted`).
    """

    def checked(text: str, part: Part) -> str:
        if _CONTROL.search(text):
            raise InvalidHeaderValue(
                f"The {what} cannot be used: what {part} stands for holds a line break or another control character."
            )
        return text

    return filling.fill(template, checked, lambda literal: checked(literal, "its text"))


def bearer(token: Plaintext) -> str:
    """The value of the header `Authorization` for an access token (RFC 6750 section 2.1)."""
    return f"Bearer {token.expose()}"


def fill_path(template: Template, filling: Filling) -> str:
    """The path below the base URL, percent-encoded (also `/`); raises InvalidPathValue when it would lead elsewhere."""

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
    """The placeholders of a template, for a message; never what they stand for."""
    return ", ".join(str(part) for part in template.parts if not isinstance(part, str)) or "nothing"


def _argument_text(name: str, value: object) -> str:
    """A scalar argument as text; raises InvalidArguments for anything that has no one obvious spelling."""
    if isinstance(value, int | float):
        return _number_text(name, value)
    if not isinstance(value, str):
        raise _bad_argument(name, "Only a text, a number or true/false can go here; null, lists and objects cannot.")
    if not value.isascii() and not _is_unicode_text(value):
        raise _bad_argument(name, "This text is not valid Unicode.")
    return value


def _number_text(name: str, value: float) -> str:
    """The JSON spelling of a number or a truth value."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:  # infinity, or more digits than Python writes
        raise _bad_argument(name, "This number is too large.") from None


def _is_unicode_text(text: str) -> bool:
    """Whether `text` can be written as UTF-8: half of a surrogate pair, which JSON can spell, cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _bad_argument(name: str, message: str) -> InvalidArguments:
    return InvalidArguments("The arguments do not fit.", errors=[FieldError(f"params.{name}", message)])


def problem_with_path(template: Template) -> str | None:
    """Why a configured path is refused, as a sentence with the way out; None when it can be used. It may be empty."""
    if not template.parts:
        return None
    filled = "".join(part if isinstance(part, str) else "x" for part in template.parts)
    if not filled.startswith("/") or filled.startswith("//"):
        return "Start the path with one “/”."
    if _in_literals(_OUTSIDE_PATH, template):
        return "Leave out “?”, “#”, “\\” and control characters; query parameters have their own list."
    if _in_literals(_BARE_PERCENT, template):
        return "Write two hexadecimal digits after each “%”, or “%25” for the sign itself."
    if has_unsafe_segment(quote_literal(filled)):
        return "Leave out “.” and “..” and encoded slashes without a name between them."
    return None


def _in_literals(pattern: re.Pattern[str], template: Template) -> bool:
    return any(pattern.search(literal) for literal in template.literals)


def quote_literal(text: str) -> str:
    """Literal path text as it is sent: what a path may hold stays, the rest is percent-encoded."""
    return quote(text, safe=_LITERAL_SAFE)


def has_unsafe_segment(path: str) -> bool:
    """Whether a segment of this encoded path is, or decodes to, `.`, `..` or nothing.

    Empty segments that the template itself writes (a final slash) are left alone: no value can make one, because an
    empty value is refused where it is inserted.
    """
    return any(segment and _is_unsafe(segment) for segment in path.split("/"))


def _is_unsafe(segment: str) -> bool:
    for _ in range(DECODING_PASSES + 1):
        if any(_climbs_or_vanishes(piece) for piece in _SEPARATOR.split(segment)):
            return True
        segment = unquote(segment)
    return False


def _climbs_or_vanishes(piece: str) -> bool:
    """`..;x` counts as `..`: servers with path parameters cut them off first."""
    return piece.split(";", 1)[0].strip(" \t\r\n\0") in {"", ".", ".."}
