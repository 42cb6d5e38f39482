"""Which header names an integration may set, and what a header may hold on its way out.

Owns: the rules of docs/security-rules.md, "Headers". How a value gets into a header is `slots.py`.
"""

import re

from integrations.errors import InvalidHeaderValue
from integrations.templating.placeholders import Template

FORBIDDEN_NAMES = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
    | {"accept-encoding", "forwarded", "via", "http2-settings"}
)
"""Names that decide where a message goes, how long it is or how its answer is encoded; the transport sets them."""

_FORBIDDEN_PREFIXES = ("proxy-", "x-forwarded-", ":")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


def problem_with_header_name(name: str) -> str | None:
    """Why this name cannot be set, as a sentence with the way out; None when it can."""
    if not _TOKEN.fullmatch(name):
        return "Use a header name of letters, digits and hyphens, without spaces or placeholders."
    lowered = name.lower().replace(
        "_", "-"
    )  # as servers read it that hand headers on as variables (RFC 3875 section 4.1.18)
    if lowered in FORBIDDEN_NAMES or lowered.startswith(_FORBIDDEN_PREFIXES):
        return "Coffer sets this header itself; remove it."
    return None


def problem_with_header_text(template: Template) -> str | None:
    """Why a configured value cannot be a header's, whatever is filled in; None when it can."""
    filled = "".join(part if isinstance(part, str) else "x" for part in template.parts)
    if _VALUE.fullmatch(filled):
        return None
    return "Use visible ASCII characters with spaces only between them; the value cannot be empty."


def check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """The last look before a socket exists: raises InvalidHeaderValue, naming the header alone."""
    for name, value in headers:
        if problem_with_header_name(name) or not _VALUE.fullmatch(value):
            raise InvalidHeaderValue(f"The header {name!r} cannot be sent: its name or value is not allowed in HTTP.")
