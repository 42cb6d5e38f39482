"""The kind `auth_connector`: a credential that several integrations share.

It is a bearer token, an API key, a user name and password, or OAuth 2 client credentials.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from typing_extensions import override

from accounts.errors import FieldError, Invalid
from integrations.egress.policy import problem_with_header_name
from integrations.exchange.exchange import Destination, TokenCall
from integrations.kinds.auth_connector.config import (
    CLIENT_CREDENTIALS,
    ApiKeyConfig,
    AuthConnectorConfig,
    BasicConfig,
    BearerConfig,
    OAuthConfig,
    TypedConfig,
)
from integrations.kinds.auth_connector.credential import token_request
from integrations.kinds.auth_connector.oauth_rules import token_request_problems
from integrations.kinds.base import NO_PARENTS, Kind, Parents, Slot
from integrations.kinds.config_fields import problem_with_fixed_name, read_shape
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.http_parts import credential_problems
from integrations.templating.placeholders import parse

OAUTH = "oauth2_client_credentials"
_EXAMPLE = "{secrets.name}"
_HINT = "Type { to insert a secret. Never enter the credential itself: this text is displayed again."

_MODELS: dict[str, type[AuthConnectorConfig]] = {
    "bearer": BearerConfig,
    "api_key": ApiKeyConfig,
    "basic": BasicConfig,
    "oauth2_client_credentials": OAuthConfig,
}
_TEMPLATE_FIELDS = {
    "bearer": ("token",),
    "api_key": ("value",),
    "basic": ("username", "password"),
    "oauth2_client_credentials": ("client_id", "client_secret", "scope", "audience"),
}
"""The fields that may hold placeholders, by type."""


class AuthConnector(Kind[AuthConnectorConfig]):
    """The kind `auth_connector`."""

    shape: ClassVar[Any] = TypedConfig
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
                Field("token", "Token", Widget.TEMPLATE, _HINT, _EXAMPLE, shown_for=("type", ("bearer",))),
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
                Field("value", "Value", Widget.TEMPLATE, _HINT, _EXAMPLE, shown_for=("type", ("api_key",))),
                Field(
                    "username",
                    "User name",
                    Widget.TEMPLATE,
                    "Many services take an API key as user name and no password, or the other way round: "
                    "leave the other field empty.",
                    optional=True,
                    shown_for=("type", ("basic",)),
                ),
                Field(
                    "password",
                    "Password",
                    Widget.TEMPLATE,
                    _HINT,
                    _EXAMPLE,
                    optional=True,
                    shown_for=("type", ("basic",)),
                ),
                Field(
                    "token_url",
                    "Token URL",
                    hint="Client id and secret are sent there and nowhere else. It may have a query.",
                    placeholder="https://auth.example.com/oauth/token",
                    shown_for=("type", (OAUTH,)),
                ),
                Field("client_id", "Client id", Widget.TEMPLATE, shown_for=("type", (OAUTH,))),
                Field(
                    "client_secret",
                    "Client secret",
                    Widget.TEMPLATE,
                    f"{_HINT} Leave it empty only if the client has none.",
                    _EXAMPLE,
                    shown_for=("type", (OAUTH,)),
                ),
                Field(
                    "scope",
                    "Scope",
                    Widget.TEMPLATE,
                    optional=True,
                    placeholder="contacts.read",
                    shown_for=("type", (OAUTH,)),
                ),
                Field("audience", "Audience", Widget.TEMPLATE, optional=True, shown_for=("type", (OAUTH,))),
                Field(
                    "client_authentication",
                    "How the client signs in",
                    Widget.CHOICE,
                    hint="Try the first option first; servers differ in how they read the Basic header.",
                    default="basic",
                    choices=(
                        ("basic", "Basic header, encoded (RFC 6749)", ""),
                        ("basic_raw", "Basic header, not encoded", ""),
                        ("post", "In the request body", ""),
                    ),
                    shown_for=("type", (OAUTH,)),
                ),
                Field(
                    "grant_type",
                    "Grant type",
                    hint="Change it only where the service says so, as Zoom does (account_credentials).",
                    optional=True,
                    default=CLIENT_CREDENTIALS,
                    shown_for=("type", (OAUTH,)),
                ),
                Field(
                    "token_body",
                    "How the fields are sent",
                    Widget.CHOICE,
                    default="form",
                    choices=(("form", "As a form (RFC 6749)", ""), ("json", "As JSON", "")),
                    shown_for=("type", (OAUTH,)),
                ),
                Field(
                    "extra",
                    "Further fields",
                    Widget.PAIRS,
                    "What the service asks for besides these, such as resource or account_id.",
                    optional=True,
                    default=(),
                    shown_for=("type", (OAUTH,)),
                ),
            ),
        ),
    )

    @override
    def read(self, raw: Mapping[str, Any]) -> AuthConnectorConfig:
        """Return the configuration after checking its fields and types against the model for its `type`.

        Raises:
            Invalid: the type is unknown, or a field is unknown, missing or of the wrong type.
        """
        chosen = raw.get("type") if isinstance(raw, Mapping) else None
        model = _MODELS.get(chosen) if isinstance(chosen, str) else None
        if model is None:
            known = " or ".join(_MODELS)
            raise Invalid("The configuration cannot be used.", errors=[FieldError("config.type", f"Choose {known}.")])
        return read_shape(model, raw)

    def problems(self, config: AuthConnectorConfig) -> list[FieldError]:
        """Return malformed placeholders, and texts that a header or query parameter cannot carry."""
        in_header = config.type == "bearer" or (config.type == "api_key" and config.location == "header")
        problems = [
            found for field in _TEMPLATE_FIELDS[config.type] for found in _value_problems(config, field, in_header)
        ]
        if isinstance(config, OAuthConfig):
            return [*problems, *token_request_problems(config)]
        named = _name_problems(config.name, in_header) if isinstance(config, ApiKeyConfig) else ()
        return [*named, *problems]

    def summary(self, config: AuthConnectorConfig) -> str:
        """Return the type of the credential: `Bearer token`, `API key in X-Api-Key`."""
        if isinstance(config, ApiKeyConfig):
            return f"API key in {config.name}"
        if isinstance(config, OAuthConfig):
            return f"OAuth 2 from {config.token_address.partition('://')[2].partition('/')[0]}"
        return "Bearer token" if isinstance(config, BearerConfig) else "User name and password"

    def destinations(self, config: AuthConnectorConfig) -> list[Destination]:
        """Return the token URL, if there is one."""
        return [Destination("config.token_url", config.token_address)] if isinstance(config, OAuthConfig) else []

    @override
    def check(self, config: AuthConnectorConfig, parents: Parents = NO_PARENTS) -> TokenCall | None:
        """Return the request for a token; other types cannot be checked without a call."""
        return TokenCall(token_request(config)) if isinstance(config, OAuthConfig) else None

    def slots(self, config: AuthConnectorConfig) -> list[Slot]:
        """Return the slots `auth.token`, `auth.value`, `auth.username`, `auth.extra.NAME` and so on, by type."""
        fields = _TEMPLATE_FIELDS[config.type]
        texts = ((field, getattr(config, field)) for field in fields)
        slots = [Slot(f"auth.{field}", parse(text), f"config.{field}") for field, text in texts if text]
        extra = config.extra if isinstance(config, OAuthConfig) else []
        return slots + [
            Slot(f"auth.extra.{entry.name}", parse(entry.value), f"config.extra[{index}].value")
            for index, entry in enumerate(extra)
        ]


def _name_problems(name: str, in_header: bool) -> Iterator[FieldError]:
    if not in_header:
        yield from problem_with_fixed_name("config.name", name)
    elif problem := problem_with_header_name(name):
        yield FieldError("config.name", problem)


def _value_problems(config: AuthConnectorConfig, name: str, in_header: bool) -> Iterator[FieldError]:
    field, text = f"config.{name}", getattr(config, name)
    if not text:
        if isinstance(config, BasicConfig) and not config.username and not config.password:
            yield FieldError(field, "Enter a user name, a password, or both.")
        return
    problems = [*credential_problems(field, text, in_header=in_header)]
    yield from problems
    if not problems and name == "username" and any(":" in literal for literal in parse(text).literals):
        yield FieldError(field, "A user name cannot hold “:” here (RFC 7617).")
