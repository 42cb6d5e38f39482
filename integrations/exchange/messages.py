"""A configured call, the request that it becomes, and the upstream's response.

Owns: the request template that a kind builds, and its two renderings: the request to send and the masked one to show.
Everything about the destination is fixed in the template; rendering fills in values only (docs/threat-model.md, T9).
How a text is encoded in its place is `templating/slots.py`; whether a destination may be called is `egress/policy.py`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, quote_plus

from yarl import URL

from integrations.egress.destinations import parse_url
from integrations.errors import InvalidUrl
from integrations.templating.json_body import JsonBody, render_json_body
from integrations.templating.placeholders import Template
from integrations.templating.slots import Filling, fill_basic, fill_form, fill_header, fill_path, fill_query, fill_text
from secrets_app.plaintext import Plaintext

AUTHORIZATION = "Authorization"

_PERCENT_CODE = "%[0-9A-Fa-f]{2}"
_PATH = re.compile(rf"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|{_PERCENT_CODE})*")  # RFC 3986 section 3.3
_QUERY = re.compile(rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|{_PERCENT_CODE})*")  # section 3.4


@dataclass(frozen=True, slots=True)
class Pair:
    """A header, a query parameter or a form field: the name is fixed, the value may hold placeholders."""

    name: str
    value: Template


@dataclass(frozen=True, slots=True)
class FormBody:
    """Fields sent as `application/x-www-form-urlencoded`."""

    pairs: tuple[Pair, ...]

    @property
    def templates(self) -> tuple[Template, ...]:
        """The values of the fields."""
        return tuple(pair.value for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class TextBody:
    """A text sent as it is, in UTF-8."""

    template: Template

    @property
    def templates(self) -> tuple[Template, ...]:
        """The text itself."""
        return (self.template,)


Body = JsonBody | FormBody | TextBody


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A user name and password sent as `Authorization: Basic …` (RFC 7617)."""

    username: Template
    password: Template
    encoded: bool = False
    """Whether both are form-urlencoded first, as OAuth 2 wants it (RFC 6749 section 2.3.1)."""


@dataclass(frozen=True)
class RequestTemplate:
    """One call with its placeholders unresolved. `base_url` is as configured; `timeout_seconds` bounds the whole."""

    method: str
    base_url: str
    path: Template
    query: tuple[Pair, ...] = ()
    headers: tuple[Pair, ...] = ()
    body: Body | None = None
    timeout_seconds: float = 20
    basic: BasicAuth | None = None

    @cached_property
    def secret_names(self) -> tuple[str, ...]:
        """Names of all secrets that the call needs, each once."""
        return tuple(dict.fromkeys(name for template in self._templates() for name in template.secret_names))

    @cached_property
    def param_names(self) -> tuple[str, ...]:
        """Names of all parameters that the call uses, each once."""
        return tuple(dict.fromkeys(name for template in self._templates() for name in template.param_names))

    def _templates(self) -> Iterator[Template]:
        yield self.path
        yield from (pair.value for pair in (*self.query, *self.headers))
        if self.body:
            yield from self.body.templates
        if self.basic:
            yield from (self.basic.username, self.basic.password)


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A rendered call, ready to send. It holds values: show it nowhere, keep it no longer than the call."""

    method: str
    url: URL = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """The same call for people: arguments filled in, every value shown as the same eight dots."""

    method: str
    host: str
    path_and_query: str
    headers: list[tuple[str, str]]
    body: str | None


def render(
    template: RequestTemplate, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
) -> OutgoingRequest:
    """Fill in values and arguments. `secrets` holds every name of `template.secret_names`.

    Raises InvalidHeaderValue, InvalidPathValue, InvalidUrl or InvalidArguments; none of them quotes what was filled in.
    """
    filling = Filling(params, secrets)
    body = _body_text(template.body, filling)
    return OutgoingRequest(
        method=template.method,
        url=_joined(parse_url(template.base_url), fill_path(template.path, filling), _query(template.query, filling)),
        headers=_headers(template, filling),
        body=None if body is None else body.encode(),
        timeout_seconds=template.timeout_seconds,
    )


def preview(template: RequestTemplate, *, params: Mapping[str, object]) -> PreviewRequest:
    """The call as people may see it. Opens no value; raises what `render` would raise because of the arguments."""
    filling = Filling(params)
    base = parse_url(template.base_url)
    query = _query(template.query, filling)
    path = _path_below(base, fill_path(template.path, filling))
    return PreviewRequest(
        method=template.method,
        host=base.raw_authority,
        path_and_query=f"{path}?{query}" if query else path,
        headers=list(_headers(template, filling)),
        body=_body_text(template.body, filling, indent=2),
    )


def _joined(base: URL, path: str, query: str) -> URL:
    """The whole URL. Raises InvalidUrl unless path and query hold only what leaves them path and query."""
    full_path = _path_below(base, path)
    if not _PATH.fullmatch(full_path) or not _QUERY.fullmatch(query):
        raise InvalidUrl("With its values filled in, the address would lead elsewhere.")
    return uncached_url(base.scheme, base.raw_authority, full_path, query)


def with_target(url: URL, target: str) -> URL:
    """The URL with another path and query, its own query kept behind the other one: always the same origin.

    Args:
        target: path and query, encoded: `/messages?id=1`.

    Raises:
        InvalidUrl: it is no such thing.
    """
    path, _, query = target.partition("?")
    query = "&".join(part for part in (query, url.raw_query_string) if part)
    if path.startswith("//") or not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        raise InvalidUrl("A server cannot be asked at the address that it gave.")
    return uncached_url(url.scheme, url.raw_authority, path, query)


def uncached_url(scheme: str, authority: str, path: str, query: str) -> URL:
    """A URL of encoded parts, taken as they are.

    `URL(text)`, `URL.build` and `with_path` keep what they made, values and all, in caches of the process. An empty URL
    is never cached, because unpickling fills one in; this does the same.
    """
    url = URL()
    url.__setstate__(((scheme, authority, path, query, ""),))
    return url


def _path_below(base: URL, path: str) -> str:
    """`path` appended to the base's own path; never resolved against it."""
    return base.raw_path.removesuffix("/") + path if path else base.raw_path


def _query(pairs: tuple[Pair, ...], filling: Filling) -> str:
    return "&".join(f"{quote(pair.name, safe='')}={fill_query(pair.value, filling)}" for pair in pairs)


def _headers(template: RequestTemplate, filling: Filling) -> tuple[tuple[str, str], ...]:
    """The template's headers, after the body's media type where the template names none."""
    headers = tuple((pair.name, fill_header(pair.name, pair.value, filling)) for pair in template.headers)
    if template.basic:
        basic = fill_basic(template.basic.username, template.basic.password, filling, encoded=template.basic.encoded)
        headers = (*headers, (AUTHORIZATION, f"Basic {basic}"))
    if template.body is None or any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (("Content-Type", _media_type(template.body)), *headers)


def _media_type(body: Body) -> str:
    if isinstance(body, JsonBody):
        return "application/json"
    return "application/x-www-form-urlencoded" if isinstance(body, FormBody) else "text/plain; charset=utf-8"


def _body_text(body: Body | None, filling: Filling, *, indent: int | None = None) -> str | None:
    if isinstance(body, JsonBody):
        return render_json_body(body, filling, indent=indent)
    if isinstance(body, FormBody):
        return "&".join(f"{quote_plus(pair.name)}={fill_form(pair.value, filling)}" for pair in body.pairs)
    return fill_text(body.template, filling) if body else None


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """What the upstream answered, not yet masked. Show nothing of it before that.

    All of it is bytes: decoding could change a value so that the masking misses it. `body` is decompressed. It is empty
    when `readable` is False: then it came in an encoding that cannot be checked. `status` is that of HTTP, None for
    other protocols; there `succeeded` says what it would say.
    """

    status: int | None
    reason: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)
    readable: bool
    succeeded: bool | None = field(default=None, repr=False)

    @property
    def is_success(self) -> bool:
        """An HTTP status from 200 to 299 (RFC 9110 section 15.3), or what the protocol said instead."""
        if self.succeeded is not None or self.status is None:
            return bool(self.succeeded)
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110
