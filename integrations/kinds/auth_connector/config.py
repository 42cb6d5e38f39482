"""The configuration of an auth connector: one model for each type of credential."""

from typing import Annotated, Literal

from pydantic import Field

from integrations.kinds.config_fields import Entries, Line, Name, StrictConfig

CLIENT_CREDENTIALS = "client_credentials"

CredentialText = Annotated[Line, Field(min_length=1)]


class BearerConfig(StrictConfig):
    """A token sent as `Authorization: Bearer …` (RFC 6750)."""

    type: Literal["bearer"]
    token: CredentialText


class ApiKeyConfig(StrictConfig):
    """A key sent as a header or query parameter of its own."""

    type: Literal["api_key"]
    location: Literal["header", "query"] = Field(alias="in")
    name: Name
    value: CredentialText


class BasicConfig(StrictConfig):
    """A user name and password sent as `Authorization: Basic …` (RFC 7617). One of them may be empty."""

    type: Literal["basic"]
    username: Line = ""
    password: Line = ""


class OAuthConfig(StrictConfig):
    """OAuth 2 client credentials (RFC 6749 section 4.4). The access token is sent as bearer token.

    Attributes:
        token_url: it may have a query, which is sent as it is.
        client_secret: empty for a client that has none.
        grant_type: left out of the body if the query of the token URL says it.
        token_body: how the fields of the token request are sent.
        extra: further fields of the token request.
    """

    type: Literal["oauth2_client_credentials"]
    token_url: Annotated[str, Field(min_length=1, max_length=2048)]
    client_id: CredentialText
    client_secret: Line
    scope: Line = ""
    client_authentication: Literal["basic", "basic_raw", "post"] = "basic"
    audience: Line = ""
    grant_type: CredentialText = Field(
        default=CLIENT_CREDENTIALS, exclude_if=lambda grant_type: grant_type == CLIENT_CREDENTIALS
    )
    token_body: Literal["form", "json"] = Field(default="form", exclude_if=lambda body: body == "form")
    extra: Entries = Field(default_factory=list, exclude_if=lambda extra: not extra)

    @property
    def is_json(self) -> bool:
        """Whether the fields of the token request are sent as JSON."""
        return self.token_body == "json"  # noqa: S105 - a format

    @property
    def token_address(self) -> str:
        """The token URL without its query: the destination that is judged."""
        return self.token_url.partition("?")[0]

    @property
    def token_query(self) -> str:
        """The query of the token URL, as configured."""
        return self.token_url.partition("?")[2]


AuthConnectorConfig = BearerConfig | ApiKeyConfig | BasicConfig | OAuthConfig
TypedConfig = Annotated[AuthConnectorConfig, Field(discriminator="type")]
