"""Request templates, the requests rendered from them, and the responses of upstreams.

A template is rendered to a request, or to a masked preview. It fixes everything about the destination; rendering only
fills in values (docs/threat-model.md, T9). `templating/slots.py` encodes texts, `egress/policy.py` judges destinations.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from urllib.parse import quote, quote_plus

from yarl import URL

from integrations.egress.destinations import parse_url, uncached_url
from integrations.errors import InvalidUrl
from integrations.exchange.uploads import BinaryBody, MultipartBody
from integrations.templating.entries import ListStyle, fill_entries
from integrations.templating.json_body import JsonBody, is_left_out, render_json_body
from integrations.templating.placeholders import Template
from integrations.templating.slots import Filling, fill_basic, fill_form, fill_header, fill_path, fill_query, fill_text
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Reason

AUTHORIZATION = "Authorization"
RESPONSE_BYTES, LARGEST_RESPONSE = 1024 * 1024, 32 * 1024 * 1024
"""How large the body of a response may be, also decompressed: unless the configuration says otherwise, and at most."""

_PERCENT_CODE = "%[0-9A-Fa-f]{2}"
_PATH = re.compile(rf"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|{_PERCENT_CODE})*")  # RFC 3986 section 3.3
QUERY = re.compile(rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|{_PERCENT_CODE})*")  # section 3.4


@dataclass(frozen=True, slots=True)
class Pair:
    """A header, query parameter or form field: a fixed name, a value that may hold placeholders, and a list's style."""

    name: str
    value: Template
    style: ListStyle = ListStyle.REPEATED


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
    """A text sent unchanged as UTF-8."""

    template: Template

    @property
    def templates(self) -> tuple[Template, ...]:
        """The template of the text."""
        return (self.template,)


Body = JsonBody | FormBody | TextBody | MultipartBody | BinaryBody


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A user name and password sent as `Authorization: Basic …` (RFC 7617).

    Attributes:
        encoded: whether both are form-urlencoded first, as OAuth 2 requires (RFC 6749 section 2.3.1).
    """

    username: Template
    password: Template
    encoded: bool = False

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets whose values the header as a whole gives away: the password's, or a user name's without one."""
        return self.password.secret_names or self.username.secret_names


@dataclass(frozen=True)
class RequestTemplate:
    """A request with its placeholders unresolved.

    Attributes:
        base_url: as configured.
        timeout_seconds: the time limit of the whole call.
        fixed_query: an encoded query that is sent as it is, before the entries of `query`.
        most_bytes: the limit of the response's body.
    """

    method: str
    base_url: str
    path: Template
    query: tuple[Pair, ...] = ()
    headers: tuple[Pair, ...] = ()
    body: Body | None = None
    timeout_seconds: float = 20
    basic: BasicAuth | None = None
    fixed_query: str = ""
    most_bytes: int = RESPONSE_BYTES

    @cached_property
    def secret_names(self) -> tuple[str, ...]:
        """The names of all secrets in the request, without duplicates."""
        return tuple(dict.fromkeys(name for template in self._templates() for name in template.secret_names))

    @cached_property
    def param_names(self) -> tuple[str, ...]:
        """The names of all parameters in the request, without duplicates."""
        return tuple(dict.fromkeys(name for template in self._templates() for name in template.param_names))

    @cached_property
    def fixed_url(self) -> URL | None:
        """The URL, if it holds neither values nor arguments and so is the same for every request."""
        texts = (self.path, *(pair.value for pair in self.query))
        return None if any(text.secret_names or text.param_names for text in texts) else _url(self, Filling({}))

    def _templates(self) -> Iterator[Template]:
        yield from (self.path, *(pair.value for pair in (*self.query, *self.headers)))
        if self.body:
            yield from self.body.templates
        if self.basic:
            yield from (self.basic.username, self.basic.password)


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A rendered request, ready to send. It contains values: never show it, and keep it no longer than the call.

    Attributes:
        most_bytes: the limit of the response's body.
        needs_body: whether a response that succeeded is a failure if its body cannot be read.
    """

    method: str
    url: URL = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout_seconds: float
    most_bytes: int = field(default=RESPONSE_BYTES, repr=False)
    needs_body: bool = field(default=True, repr=False)


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A request for display: arguments are filled in, and every value is shown as the same eight dots."""

    method: str
    host: str
    path_and_query: str
    headers: list[tuple[str, str]]
    body: str | None


def render(
    template: RequestTemplate,
    *,
    secrets: Mapping[str, Plaintext],
    params: Mapping[str, object],
    needs_body: bool = True,
) -> OutgoingRequest:
    """Fill in values and arguments.

    Args:
        secrets: a value for every name in `template.secret_names`.
        params: the arguments, checked and with defaults filled in.
        needs_body: as of `OutgoingRequest`.

    Raises:
        InvalidHeaderValue, InvalidPathValue, InvalidUrl, InvalidArguments: a value cannot be sent in its place. No
            message quotes it.
    """
    filling = Filling(params, secrets)
    body, media_type = _encoded(template.body, filling)
    return OutgoingRequest(
        method=template.method,
        url=template.fixed_url or _url(template, filling),
        headers=_headers(template, filling, media_type),
        body=body,
        timeout_seconds=template.timeout_seconds,
        most_bytes=template.most_bytes,
        needs_body=needs_body,
    )


def preview(template: RequestTemplate, *, params: Mapping[str, object]) -> PreviewRequest:
    """Return the request for display, without decrypting values.

    Raises:
        InvalidHeaderValue, InvalidPathValue, InvalidUrl, InvalidArguments: as `render`, because of an argument.
    """
    filling = Filling(params)
    base, query = parse_url(template.base_url), _query(template, filling)
    path = _path_below(base, fill_path(template.path, filling))
    body, media_type = _encoded(template.body, filling)
    return PreviewRequest(
        method=template.method,
        host=base.raw_authority,
        path_and_query=f"{path}?{query}" if query else path,
        headers=list(_headers(template, filling, media_type)),
        body=None if body is None else body.decode("utf-8", "replace"),
    )


def _url(template: RequestTemplate, filling: Filling) -> URL:
    """Return the whole URL.

    Raises:
        InvalidUrl: with the values filled in, path or query would end early; others as `render`.
    """
    base, query = parse_url(template.base_url), _query(template, filling)
    full_path = _path_below(base, fill_path(template.path, filling))
    if not _PATH.fullmatch(full_path) or not QUERY.fullmatch(query):
        raise InvalidUrl("With its values filled in, the address would lead elsewhere.")
    return uncached_url(base.scheme, base.raw_authority, full_path, query)


def _path_below(base: URL, path: str) -> str:
    """Append `path` to the path of the base URL, without resolving it."""
    return base.raw_path.removesuffix("/") + path if path else base.raw_path


def _query(template: RequestTemplate, filling: Filling) -> str:
    entries = (fill_entries(pair.name, pair.value, pair.style, filling, fill_query) for pair in template.query)
    texts = (f"{quote(name, safe='')}={text}" for name, text in chain.from_iterable(entries))
    return "&".join(filter(None, (template.fixed_query, *texts)))


def _headers(template: RequestTemplate, filling: Filling, media_type: str) -> tuple[tuple[str, str], ...]:
    """Return the headers, preceded by the media type of the body unless the template sets it.

    A header whose text is exactly one argument that is absent or null is left out.
    """
    headers = [
        (pair.name, fill_header(pair.name, pair.value, filling))
        for pair in template.headers
        if not (pair.value.whole_param and filling.params.get(pair.value.whole_param) is None)
    ]
    if template.basic:
        basic = fill_basic(template.basic.username, template.basic.password, filling, encoded=template.basic.encoded)
        headers.append((AUTHORIZATION, f"Basic {basic}"))
    if media_type and not any(name.lower() == "content-type" for name, _ in headers):
        headers.insert(0, ("Content-Type", media_type))
    return tuple(headers)


def _encoded(body: Body | None, filling: Filling) -> tuple[bytes | None, str]:
    """Return the body and its media type; None without a body, or if it is exactly one absent argument."""
    text, media_type = None, ""
    if isinstance(body, MultipartBody | BinaryBody):
        return body.encoded(filling)
    if isinstance(body, JsonBody):
        text = render_json_body(body, filling, indent=2 if filling.is_preview else None)
        media_type = "application/json"
    elif isinstance(body, FormBody):
        entries = (fill_entries(pair.name, pair.value, pair.style, filling, fill_form) for pair in body.pairs)
        text = "&".join(f"{quote_plus(name)}={value}" for name, value in chain.from_iterable(entries))
        media_type = "application/x-www-form-urlencoded"
    elif body and not is_left_out(body.template, filling):
        text, media_type = fill_text(body.template, filling), "text/plain; charset=utf-8"
    return (None, "") if text is None else (text.encode(), media_type)


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """The response of an upstream before masking. It must not be shown.

    Everything is bytes, because decoding could change a value so that masking misses it.

    Attributes:
        status: the HTTP status; None for other protocols.
        body: decompressed; empty if not `readable`.
        readable: False if the body has an encoding that cannot be checked.
        succeeded: whether an exchange in another protocol succeeded.
        missing: why there is no body although one was announced.
    """

    status: int | None
    reason: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)
    readable: bool
    succeeded: bool | None = field(default=None, repr=False)
    missing: Reason | None = field(default=None, repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the HTTP status is 200 to 299 (RFC 9110 section 15.3), or another protocol's exchange succeeded."""
        if self.succeeded is not None or self.status is None:
            return bool(self.succeeded)
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110
