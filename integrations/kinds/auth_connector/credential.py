"""The credential of an auth connector: what it adds to a request, with placeholders unresolved."""

from dataclasses import dataclass

from integrations.exchange.messages import BasicAuth, FormBody, Pair, RequestTemplate
from integrations.kinds.auth_connector.config import AuthConnectorConfig, BasicConfig, BearerConfig, OAuthConfig
from integrations.templating.placeholders import Template, parse


@dataclass(frozen=True, slots=True)
class Credential:
    """What a connector adds to a request.

    It is one header, one query parameter, a user name and password, or the request for a bearer token.
    """

    headers: tuple[Pair, ...] = ()
    query: tuple[Pair, ...] = ()
    basic: BasicAuth | None = None
    token: RequestTemplate | None = None

    @property
    def header_names(self) -> set[str]:
        """The names of the headers that it sets, in lower case."""
        names = {"authorization"} if self.basic or self.token else set()
        return names | {pair.name.lower() for pair in self.headers}


def credential_of(config: AuthConnectorConfig) -> Credential:
    """Return the credential of a connector."""
    if isinstance(config, OAuthConfig):
        return Credential(token=token_request(config))
    if isinstance(config, BasicConfig):
        return Credential(basic=BasicAuth(parse(config.username), parse(config.password)))
    if isinstance(config, BearerConfig):
        return Credential(headers=(Pair("Authorization", _bearer(parse(config.token))),))
    pair = Pair(config.name, parse(config.value))
    return Credential(headers=(pair,)) if config.location == "header" else Credential(query=(pair,))


def token_request(config: OAuthConfig) -> RequestTemplate:
    """Return the token request (RFC 6749 section 4.4.2) with client authentication as configured (section 2.3.1)."""
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
