"""The next request after a redirect (docs/security-rules.md, "Redirects").

This module resolves `Location`, chooses the method of the next request, and drops headers that may not go to another
origin. Whether a hop may be made is decided by `broker/following.py`. URLs are not passed to a library's parser,
because parsers cache what they parse and an upstream may repeat a value in a redirect.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote, unquote_plus

from yarl import URL

from integrations.egress.destinations import DEFAULT_PORTS, uncached_url
from integrations.errors import InvalidUrl
from integrations.exchange.messages import OutgoingRequest, RequestTemplate, UpstreamResponse
from secrets_app.plaintext import Plaintext

MAX_HOPS = 3

_FOLLOWED = {301, 302, 303, 307, 308}
_HARMLESS = {"accept", "accept-language", "content-type", "user-agent"}
"""Headers that may go to another origin if they contain no secret."""
_BODY_HEADERS = {"content-type", "content-encoding", "content-language", "content-location"}
_REFERENCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)  # RFC 3986 appendix B
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_SAFE = "%/:@!$&'()*+,;=~?"
_MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Following:
    """What must be known of a call to follow its redirects.

    Attributes:
        secret_names: the names of all secrets in the call.
        body_secrets: the names of the secrets in its body.
        harmless: the headers that may go to another origin, in lower case.
    """

    secret_names: tuple[str, ...]
    body_secrets: tuple[str, ...]
    harmless: frozenset[str]
    secrets: Mapping[str, Plaintext] = field(repr=False)

    @classmethod
    def of(cls, template: RequestTemplate, secrets: Mapping[str, Plaintext]) -> Self:
        """Return the description of a call that is rendered from a template."""
        body_templates = template.body.templates if template.body else ()
        with_secrets = {pair.name.lower() for pair in template.headers if pair.value.secret_names}
        return cls(
            template.secret_names,
            tuple(dict.fromkeys(name for text in body_templates for name in text.secret_names)),
            frozenset(_HARMLESS - with_secrets),
            secrets,
        )


def location_of(response: UpstreamResponse) -> bytes | None:
    """Return the target of a redirect; None if the response is not a redirect.

    Raises:
        InvalidUrl: there are several different targets.
    """
    found = {value for name, value in response.headers if name.lower() == b"location"}
    if response.status not in _FOLLOWED or not found:
        return None
    if len(found) > 1:
        raise InvalidUrl("The redirect names more than one address.")
    return found.pop()


def next_url(url: URL, location: bytes, admit: Callable[[str], URL]) -> URL:
    """Resolve the target of a redirect.

    Args:
        url: the URL that was called.
        location: the `Location` header.
        admit: judges the origin.

    Raises:
        InvalidUrl: the target is ambiguous or not a web address. Also the refusals of `admit`.
    """
    scheme, authority, path, query = _split(location)
    if scheme and authority is None:
        raise InvalidUrl("The redirect does not lead to a web address.")
    if authority is None:
        origin = f"{url.scheme}://{url.raw_authority}"
        query = query if path or query is not None else url.raw_query_string
        path = path if path.startswith("/") else _relative_to(url.raw_path, path)
    else:
        origin = f"{scheme or url.scheme}://{authority}"
    admitted = admit(origin)
    encoded = quote(_without_dots(path) or "/", safe=_SAFE.replace("?", ""))
    return uncached_url(admitted.scheme, admitted.raw_authority, encoded, quote(query or "", safe=_SAFE))


def is_origin_of(origin: str, url: URL) -> bool:
    """Return whether a text is the origin of a parsed URL. Nothing is parsed, because parsers cache what they parse.

    Servers behind a proxy that ends TLS name `http`, which counts as the origin: the call goes to `url` all the same.
    """
    scheme, _, authority = origin.lower().partition("://")
    is_scheme = scheme == url.scheme or (scheme, url.scheme) == ("http", "https")
    return is_scheme and authority.removesuffix(f":{DEFAULT_PORTS[scheme]}") == url.raw_authority


def with_query(url: URL, own: str) -> URL:
    """Return the URL with a configured query, which takes the place of parameters of the same names.

    Args:
        own: the configured query, encoded.
    """
    names = {_name(part) for part in own.split("&") if part}
    others = [part for part in url.raw_query_string.split("&") if part and _name(part) not in names]
    query = "&".join([*others, own] if own else others)
    return uncached_url(url.scheme, url.raw_authority, url.raw_path, query)


def _name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])


def _split(location: bytes) -> tuple[str | None, str | None, str, str | None]:
    """Split a URI reference (RFC 3986 section 4.1) into scheme, authority, path and query.

    Spaces and non-ASCII bytes are encoded, as browsers encode them.
    """
    text = "".join(chr(byte) if byte != 0x20 and byte < 0x80 else f"%{byte:02X}" for byte in location.strip(b" "))  # noqa: PLR2004 - ASCII
    found = _REFERENCE.fullmatch(text)
    if not found or _FORBIDDEN.search(text) or len(text) > _MAX_LENGTH:
        raise InvalidUrl("The redirect contains characters that a URL cannot contain.")
    scheme, authority, path, query = found.group("scheme", "authority", "path", "query")
    return scheme, authority, path, query


def next_request(request: OutgoingRequest, status: int, url: URL, harmless: frozenset[str]) -> OutgoingRequest:
    """Return the request of the next hop (RFC 9110 section 15.4).

    Only harmless headers are sent to another origin.
    """
    method = _next_method(request.method, status)
    body = request.body if method == request.method else None
    headers = request.headers
    if body is None:
        headers = tuple(header for header in headers if header[0].lower() not in _BODY_HEADERS)
    if url.origin() != request.url.origin():
        headers = tuple(header for header in headers if header[0].lower() in harmless)
    return replace(request, method=method, url=url, headers=headers, body=body)


def _next_method(method: str, status: int) -> str:
    """Return the method of the next hop.

    303 changes every method but HEAD to GET; 301 and 302 change POST to GET, as clients do in practice.
    """
    if method == "HEAD" or (status != 303 and method != "POST"):  # noqa: PLR2004 - HTTP
        return method
    return "GET" if status in {301, 302, 303} else method


def _relative_to(base: str, path: str) -> str:
    """Resolve a relative path against the base path (RFC 3986 section 5.2.3)."""
    return f"{base.rpartition('/')[0]}/{path}" if path else base


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` in a path (RFC 3986 section 5.2.4)."""
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
