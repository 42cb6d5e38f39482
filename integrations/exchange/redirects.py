"""Where a redirect leads, and what of a request goes along (docs/security-rules.md, "Redirects").

Owns: reading `Location` against the URL that was called, the method of the next request, and that nothing but what is
known to be harmless goes to another origin. Whether a hop may be made at all is judged in `following.py`. No URL goes
through a library's parser here: those keep what they parsed, and an upstream may repeat a value in a redirect.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote

from yarl import URL

from integrations.errors import InvalidUrl
from integrations.exchange.messages import OutgoingRequest, RequestTemplate, UpstreamResponse, uncached_url
from secrets_app.plaintext import Plaintext

MAX_HOPS = 3

_FOLLOWED = {301, 302, 303, 307, 308}
_HARMLESS = {"accept", "accept-language", "content-type", "user-agent"}
"""The headers that may go to another origin, where they hold no secret."""
_OF_THE_BODY = {"content-type", "content-encoding", "content-language", "content-location"}
_REFERENCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)  # RFC 3986 appendix B
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_SAFE = "%/:@!$&'()*+,;=~?"
_MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Following:
    """What a call that may be redirected holds: names of secrets, whole and in its body, and its harmless headers."""

    secret_names: tuple[str, ...]
    body_secrets: tuple[str, ...]
    harmless: frozenset[str]
    secrets: Mapping[str, Plaintext] = field(repr=False)

    @classmethod
    def of(cls, template: RequestTemplate, secrets: Mapping[str, Plaintext]) -> Self:
        """For a call that is made of this template."""
        held = template.body.templates if template.body else ()
        secretive = {pair.name.lower() for pair in template.headers if pair.value.secret_names}
        return cls(
            template.secret_names,
            tuple(dict.fromkeys(name for text in held for name in text.secret_names)),
            frozenset(_HARMLESS - secretive),
            secrets,
        )


def location_of(response: UpstreamResponse) -> bytes | None:
    """Where the answer sends the caller; None for an answer that is no redirect.

    Raises:
        InvalidUrl: it sends to several places.
    """
    found = {value for name, value in response.headers if name.lower() == b"location"}
    if response.status not in _FOLLOWED or not found:
        return None
    if len(found) > 1:
        raise InvalidUrl("The redirect names more than one address.")
    return found.pop()


def next_url(url: URL, location: bytes, admit: Callable[[str], URL]) -> URL:
    """The URL that a redirect from `url` leads to; `admit` judges its origin.

    Raises:
        InvalidUrl: it can be read in more than one way, or leads nowhere. Also what `admit` raises.
    """
    scheme, authority, path, query = _split(location)
    if scheme and authority is None:
        raise InvalidUrl("The redirect does not lead to a web address.")
    if authority is None:
        origin = f"{url.scheme}://{url.raw_authority}"
        query = query if path or query is not None else url.raw_query_string
        path = path if path.startswith("/") else _beside(url.raw_path, path)
    else:
        origin = f"{scheme or url.scheme}://{authority}"
    admitted = admit(origin)
    encoded = quote(_without_dots(path) or "/", safe=_SAFE.replace("?", ""))
    return uncached_url(admitted.scheme, admitted.raw_authority, encoded, quote(query or "", safe=_SAFE))


def _split(location: bytes) -> tuple[str | None, str | None, str, str | None]:
    """Scheme, authority, path and query of a URI reference (RFC 3986 section 4.1), bytes beyond ASCII encoded."""
    text = "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in location)  # noqa: PLR2004 - ASCII
    found = _REFERENCE.fullmatch(text)
    if not found or _FORBIDDEN.search(text) or len(text) > _MAX_LENGTH:
        raise InvalidUrl("The redirect holds characters that an address cannot hold.")
    scheme, authority, path, query = found.group("scheme", "authority", "path", "query")
    return scheme, authority, path, query


def next_request(request: OutgoingRequest, status: int, url: URL, harmless: frozenset[str]) -> OutgoingRequest:
    """The request of the next hop (RFC 9110 section 15.4): to another origin only its harmless headers go along."""
    method = _next_method(request.method, status)
    body = request.body if method == request.method else None
    headers = request.headers
    if body is None:
        headers = tuple(header for header in headers if header[0].lower() not in _OF_THE_BODY)
    if url.origin() != request.url.origin():
        headers = tuple(header for header in headers if header[0].lower() in harmless)
    return replace(request, method=method, url=url, headers=headers, body=body)


def _next_method(method: str, status: int) -> str:
    """See other means GET, and so do 301 and 302 for a POST, as everybody reads them; else the method stays."""
    if method == "HEAD" or (status != 303 and method != "POST"):  # noqa: PLR2004 - HTTP
        return method
    return "GET" if status in {301, 302, 303} else method


def _beside(base: str, path: str) -> str:
    """A relative path in the place of the last part of the base's (RFC 3986 section 5.2.3)."""
    return f"{base.rpartition('/')[0]}/{path}" if path else base


def _without_dots(path: str) -> str:
    """The path with `.` and `..` resolved (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    parts = path.split("/")[1:]
    for index, part in enumerate(parts):
        plain = re.sub("%2e", ".", part, flags=re.IGNORECASE)
        is_last = index == len(parts) - 1
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(part)
        if is_last and plain in {".", ".."}:
            kept.append("")
    return "/" + "/".join(kept) if parts else ""
