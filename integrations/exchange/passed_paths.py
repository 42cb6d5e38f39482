"""The path and the query of a request that is passed through: one spelling, below the base URL, and listed.

Rules, lists of paths and the upstream see the same text. Servers decode a path before they act on it, so a path that
two of them could read differently is refused, and any other is written in one way: what need not be percent-encoded is
not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from integrations.errors import InvalidPathValue
from integrations.templating.slots import decodings

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
"""What may be passed through. TRACE would show the credentials that Coffer adds."""
ANY_METHOD = "*"
BELOW = "**"

_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*")
_SEGMENT_SAFE = "!$&'()*+,;=:@-._~"
_QUERY_SAFE = "!$&'()*+,;=:@-._~/?%"
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CHANGES_PATH = re.compile(r"[/\\\x00-\x1f\x7f]")
_DOTS = {".", ".."}
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_-]{0,63}\}")
_LINE = re.compile(r"(\*|[A-Z]+) (/\S*)")
_PART = "A part of the path is a name, or one placeholder and nothing else; /** stands at the end alone."
_REFUSED = (
    "This path could be read in more than one way, so it is not passed on. Leave out empty and dot segments, encoded "
    "slashes, backslashes and control characters."
)


def one_path(path: str) -> str:
    """Return a path, as it came in a request, in the spelling that is judged and sent.

    Args:
        path: what follows the connection in the address; empty for the base URL itself.

    Raises:
        InvalidPathValue: servers could read it differently, or it would leave the base URL.
    """
    if not _PATH.fullmatch(path):
        raise InvalidPathValue(_REFUSED)
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if _is_ambiguous(segment) or not (segment or is_last):
            raise InvalidPathValue(_REFUSED)
    return "".join("/" + quote(unquote_to_bytes(segment), safe=_SEGMENT_SAFE) for segment in segments)


def _is_ambiguous(segment: str) -> bool:
    """Return whether a server could read a segment as something else; those with parameters read `..;x` as `..`."""
    return any(_CHANGES_PATH.search(text) or text.partition(";")[0].strip() in _DOTS for text in decodings(segment))


def one_query(query: str) -> str:
    """Return a query as it is sent: as written, with what no query holds percent-encoded."""
    return quote(_BARE_PERCENT.sub("%25", query), safe=_QUERY_SAFE)


def without_parameters(query: str, names: set[str]) -> str:
    """Return a query without the parameters of these names."""
    return "&".join(part for part in query.split("&") if part and _name(part) not in names)


def names_in(query: str) -> set[str]:
    """Return the names of the parameters of a query."""
    return {_name(part) for part in query.split("&") if part}


def _name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])


@dataclass(frozen=True, slots=True)
class ListedPath:
    """A line of a list: a method or any, and the segments of a path; None stands for one of any name.

    Attributes:
        is_open: whether it is about everything below as well.
    """

    method: str
    segments: tuple[str | None, ...]
    is_open: bool

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line such as `GET /v1/files/{id}` or `* /v1/**`.

        Raises:
            ValueError: it is none; the message says how to write it.
        """
        found = _LINE.fullmatch(line.strip())
        if not found or found[1] not in {ANY_METHOD, *METHODS}:
            raise ValueError("Write a method and a path, such as GET /v1/models/{id}, or * /v1/** for all below it.")
        *segments, last = found[2].split("/")[1:]
        is_open = last == BELOW
        read = tuple(map(_segment, segments if is_open else [*segments, last]))
        if not all(segment is None or segment for segment in (read if is_open else read[:-1])):
            raise ValueError("Leave out empty parts of the path.")
        return cls(found[1], read, is_open)

    @property
    def path(self) -> str:
        """The path that is listed, with `{…}` for a part of any name."""
        parts = ["{…}" if segment is None else segment for segment in self.segments]
        return "".join(f"/{part}" for part in [*parts, BELOW][: None if self.is_open else -1])

    def covers(self, method: str, path: str) -> bool:
        """Return whether a request is listed.

        Args:
            path: as `one_path` returns it.
        """
        if self.method not in {ANY_METHOD, method}:
            return False
        segments = path.split("/")[1:]
        if self.is_open and len(segments) <= len(self.segments):
            return False
        if not self.is_open and len(segments) != len(self.segments):
            return False
        pairs = zip(self.segments, segments, strict=False)
        return all(bool(given) if wanted is None else wanted == given for wanted, given in pairs)


def _segment(text: str) -> str | None:
    if _PLACEHOLDER.fullmatch(text):
        return None
    try:
        name = one_path("/" + text)[1:]
    except InvalidPathValue:
        raise ValueError(_PART) from None
    if name and not name.strip("*"):
        raise ValueError(_PART)
    return name


def problems_with_list(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the lines of a list, with the place of each."""
    for index, line in enumerate(lines):
        try:
            ListedPath.parse(line)
        except ValueError as problem:
            yield index, str(problem)
