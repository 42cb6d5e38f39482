"""What a path may look like, before and after values went in.

Owns: the check that no segment of a path climbs or vanishes, in whatever encoding it is written
(docs/security-rules.md, "Slots"; OpenBao CVE-2026-3605 is the lesson), and the spelling of the literal text. It does
not join a path to its base.
"""

import re
from urllib.parse import quote, unquote

from integrations.templating.placeholders import Template

DECODING_PASSES = 3
"""How many layers of percent-encoding an upstream and the proxies before it may plausibly take off."""

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OUTSIDE_PATH = re.compile(r"[?#\\\x00-\x1f\x7f]")
_SEPARATOR = re.compile(r"[/\\]")
_LITERAL_SAFE = "/%:@!$&'()*+,;=-._~"


def problem_with_path(template: Template) -> str | None:
    """Why a configured path is refused, as a sentence with the way out; None when it can be used. It may be empty."""
    if not template.parts:
        return None
    filled = "".join(part if isinstance(part, str) else "x" for part in template.parts)
    if not filled.startswith("/") or filled.startswith("//"):
        return "Start the path with one “/”."
    if any(_OUTSIDE_PATH.search(literal) for literal in template.literals):
        return "Leave out “?”, “#”, “\\” and control characters; query parameters have their own list."
    if any(_BARE_PERCENT.search(literal) for literal in template.literals):
        return "Write two hexadecimal digits after each “%”, or “%25” for the sign itself."
    if has_unsafe_segment(quote_literal(filled)):
        return "Leave out “.” and “..” and encoded slashes without a name between them."
    return None


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
