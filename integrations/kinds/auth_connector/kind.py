"""A credential that several actions share: a bearer token, an API key, or a user name and password.

Owns: what the configuration of a connector may say, and the header or query parameter that it adds to a call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as Limits

from accounts.errors import FieldError, Invalid
from integrations.egress.policy import problem_with_header_name, problem_with_header_text
from integrations.exchange.exchange import Destination, TokenCall
from integrations.exchange.messages import BasicAuth, FormBody, Pair, RequestTemplate
from integrations.kinds.base import NO_PARENTS, Kind, Parents, Slot
from integrations.kinds.config_fields import (
    Line,
    Name,
    StrictConfig,
    base_url_problems,
    problem_with_fixed_name,
    problem_with_template,
    read_shape,
    template_of,
)
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.templating.placeholders import Template, parse

OAUTH = "oauth2_client_credentials"
_EXAMPLE = "{secrets.name}"
_NEVER_ITSELF = "Type { to insert a secret. Never write the credential itself here: this text is shown again."

CredentialText = Annotated[Line, Limits(min_length=1)]


class BearerConfig(StrictConfig):
    """A token sent as `Authorization: Bearer …` (RFC 6750)."""

    type: Literal["bearer"]
    token: CredentialText


class ApiKeyConfig(StrictConfig):
    """A key sent as a header or query parameter of its own."""

    type: Literal["api_key"]
    location: Literal["header", "query"] = Limits(alias="in")
    name: Name
    value: CredentialText


class BasicConfig(StrictConfig):
    """A user name and password sent as `Authorization: Basic …` (RFC 7617)."""

    type: Literal["basic"]
    username: CredentialText
    password: CredentialText


class OAuthConfig(StrictConfig):
    """OAuth 2 client credentials (RFC 6749 section 4.4): the token that the token URL gives is sent as bearer token."""

    type: Literal["oauth2_client_credentials"]
    token_url: Annotated[str, Limits(min_length=1, max_length=2048)]
    client_id: CredentialText
    client_secret: CredentialText
    scope: Line = ""
    client_authentication: Literal["basic", "basic_raw", "post"] = "basic"
    audience: Line = ""


AuthConnectorConfig = BearerConfig | ApiKeyConfig | BasicConfig | OAuthConfig

_SHAPES: dict[str, type[AuthConnectorConfig]] = {
    "bearer": BearerConfig,
    "api_key": ApiKeyConfig,
    "basic": BasicConfig,
    "oauth2_client_credentials": OAuthConfig,
}
_HOLDING = {
    "bearer": ("token",),
    "api_key": ("value",),
    "basic": ("username", "password"),
    "oauth2_client_credentials": ("client_id", "client_secret"),
}
"""The fields that may hold placeholders, by type."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a connector adds to a call: one header, one query parameter, a user name and password, or
    the bearer token that a token request gives.
    """

    headers: tuple[Pair, ...] = ()
    query: tuple[Pair, ...] = ()
    basic: BasicAuth | None = None
    token: RequestTemplate | None = None

    @property
    def header_names(self) -> set[str]:
        """The headers that it sets, in lower case."""
        made = {"authorization"} if self.basic or self.token else set()
        return made | {pair.name.lower() for pair in self.headers}


class AuthConnector(Kind[AuthConnectorConfig]):
    """The kind `auth_connector`."""

    key: ClassVar[str] = "auth_connector"
    label: ClassVar[str] = "Auth connector"
    plural: ClassVar[str] = "Auth connectors"
    icon: ClassVar[str] = "key-round"
    about: ClassVar[str] = "Auth connector. Every action that uses it sends the same credential."
    is_connector: ClassVar[bool] = True
    sections: ClassVar[tuple[Section, ...]] = (
        Section(
            "Credential",
            (
                Field(
                    "type",
                    "Type",
                    Widget.CHOICE,
                    default="bearer",
                    choices=(
                        ("bearer", "Bearer token", "Sent as Authorization: Bearer."),
                        ("api_key", "API key", "Sent in a header or query parameter of your choice."),
                        ("basic", "User name and password", "Sent as Authorization: Basic."),
                        (OAUTH, "OAuth 2", "Client credentials: Coffer fetches a token and sends it as bearer token."),
                    ),
                ),
                Field("token", "Token", Widget.TEMPLATE, _NEVER_ITSELF, _EXAMPLE, shown_for=("type", ("bearer",))),
                Field(
                    "in",
                    "Where it goes",
                    Widget.CHOICE,
                    default="header",
                    choices=(("header", "Header", ""), ("query", "Query parameter", "")),
                    shown_for=("type", ("api_key",)),
                ),
                Field(
                    "name",
                    "Name of the header or parameter",
                    placeholder="X-Api-Key",
                    control="key_name",
                    shown_for=("type", ("api_key",)),
                ),
                Field("value", "Value", Widget.TEMPLATE, _NEVER_ITSELF, _EXAMPLE, shown_for=("type", ("api_key",))),
                Field("username", "User name", Widget.TEMPLATE, shown_for=("type", ("basic",))),
                Field("password", "Password", Widget.TEMPLATE, _NEVER_ITSELF, _EXAMPLE, shown_for=("type", ("basic",))),
                Field(
                    "token_url",
                    "Token URL",
                    hint="Client id and secret are sent there and nowhere else.",
                    placeholder="https://auth.example.com/oauth/token",
                    shown_for=("type", (OAUTH,)),
                ),
                Field("client_id", "Client id", Widget.TEMPLATE, shown_for=("type", (OAUTH,))),
                Field(
                    "client_secret",
                    "Client secret",
                    Widget.TEMPLATE,
                    _NEVER_ITSELF,
                    _EXAMPLE,
                    shown_for=("type", (OAUTH,)),
                ),
                Field("scope", "Scope", optional=True, placeholder="contacts.read", shown_for=("type", (OAUTH,))),
                Field("audience", "Audience", optional=True, shown_for=("type", (OAUTH,))),
                Field(
                    "client_authentication",
                    "How the client signs in",
                    Widget.CHOICE,
                    hint="Try the first one first; servers differ in how they read the Basic header.",
                    default="basic",
                    choices=(
                        ("basic", "Basic header, encoded (RFC 6749)", ""),
                        ("basic_raw", "Basic header, as it is", ""),
                        ("post", "In the body", ""),
                    ),
                    shown_for=("type", (OAUTH,)),
                ),
            ),
        ),
    )

    def read(self, raw: Mapping[str, Any]) -> AuthConnectorConfig:
        """The shape that `type` names. Raises Invalid."""
        chosen = raw.get("type") if isinstance(raw, Mapping) else None
        shape = _SHAPES.get(chosen) if isinstance(chosen, str) else None
        if shape is None:
            known = " or ".join(_SHAPES)
            raise Invalid("The configuration cannot be used.", errors=[FieldError("config.type", f"Choose {known}.")])
        return read_shape(shape, raw)

    def problems(self, config: AuthConnectorConfig) -> list[FieldError]:
        """Malformed placeholders, and what neither header nor query can carry."""
        in_header = config.type == "bearer" or (config.type == "api_key" and config.location == "header")
        problems = [found for field in _HOLDING[config.type] for found in _value_problems(config, field, in_header)]
        if isinstance(config, OAuthConfig):
            return [*problems, *base_url_problems(config.token_url, "config.token_url")]
        named = _name_problems(config.name, in_header) if isinstance(config, ApiKeyConfig) else ()
        return [*named, *problems]

    def summary(self, config: AuthConnectorConfig) -> str:
        """`Bearer token`, or `API key in X-Api-Key`."""
        if isinstance(config, ApiKeyConfig):
            return f"API key in {config.name}"
        if isinstance(config, OAuthConfig):
            return f"OAuth 2 from {config.token_url.partition('://')[2].partition('/')[0]}"
        return "Bearer token" if isinstance(config, BearerConfig) else "User name and password"

    def destinations(self, config: AuthConnectorConfig) -> list[Destination]:
        """The token URL, where there is one."""
        return [Destination("config.token_url", config.token_url)] if isinstance(config, OAuthConfig) else []

    def check(self, config: AuthConnectorConfig, parents: Parents = NO_PARENTS) -> TokenCall | None:  # noqa: ARG002
        """Fetching a token; nothing else can be shown to work by itself."""
        return TokenCall(_token_request(config)) if isinstance(config, OAuthConfig) else None

    def slots(self, config: AuthConnectorConfig) -> list[Slot]:
        """`auth.token`, `auth.value`, or `auth.username` and `auth.password`."""
        fields = _HOLDING[config.type]
        return [Slot(f"auth.{field}", parse(getattr(config, field)), f"config.{field}") for field in fields]


def credential_of(config: AuthConnectorConfig) -> Credential:
    """What is added to a call, with its placeholders unresolved."""
    if isinstance(config, OAuthConfig):
        return Credential(token=_token_request(config))
    if isinstance(config, BasicConfig):
        return Credential(basic=BasicAuth(parse(config.username), parse(config.password)))
    if isinstance(config, BearerConfig):
        return Credential(headers=(Pair("Authorization", _bearer(parse(config.token))),))
    pair = Pair(config.name, parse(config.value))
    return Credential(headers=(pair,)) if config.location == "header" else Credential(query=(pair,))


def _token_request(config: OAuthConfig) -> RequestTemplate:
    """RFC 6749 section 4.4.2, with the client signing in as configured (section 2.3.1)."""
    client_id, client_secret = parse(config.client_id), parse(config.client_secret)
    fields = [Pair("grant_type", parse("client_credentials"))]
    fields += [Pair("scope", parse(config.scope))] if config.scope else []
    fields += [Pair("audience", parse(config.audience))] if config.audience else []
    in_body = config.client_authentication == "post"
    if in_body:
        fields += [Pair("client_id", client_id), Pair("client_secret", client_secret)]
    encoded = config.client_authentication == "basic"
    return RequestTemplate(
        method="POST",
        base_url=config.token_url,
        path=parse(""),
        headers=(Pair("Accept", parse("application/json")),),
        body=FormBody(tuple(fields)),
        basic=None if in_body else BasicAuth(client_id, client_secret, encoded),
    )


def _bearer(token: Template) -> Template:
    return parse("Bearer " + token.source)


def _name_problems(name: str, is_header: bool) -> Iterator[FieldError]:
    if not is_header:
        yield from problem_with_fixed_name("config.name", name)
    elif problem := problem_with_header_name(name):
        yield FieldError("config.name", problem)


def _value_problems(config: AuthConnectorConfig, name: str, is_header: bool) -> Iterator[FieldError]:
    field, text = f"config.{name}", getattr(config, name)
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif template.param_names:
        yield FieldError(field, "A credential cannot hold an argument; use {secrets.NAME}.")
    elif is_header and (problem := problem_with_header_text(template)):
        yield FieldError(field, problem)
    elif name == "username" and any(":" in literal for literal in template.literals):
        yield FieldError(field, "A user name cannot hold “:” here (RFC 7617).")
