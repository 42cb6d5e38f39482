"""The configuration of an auth connector: one model for each type of credential."""

from typing import Annotated, Literal

from pydantic import Field

from integrations.kinds.config_fields import Line, Name, StrictConfig

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
    """OAuth 2 client credentials (RFC 6749 section 4.4). The access token is sent as bearer token."""

    type: Literal["oauth2_client_credentials"]
    token_url: Annotated[str, Field(min_length=1, max_length=2048)]
    client_id: CredentialText
    client_secret: CredentialText
    scope: Line = ""
    client_authentication: Literal["basic", "basic_raw", "post"] = "basic"
    audience: Line = ""


AuthConnectorConfig = BearerConfig | ApiKeyConfig | BasicConfig | OAuthConfig
