"""The credential of an auth connector: what it adds to a request, with placeholders unresolved."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from integrations.exchange.messages import BasicAuth, FormBody, Pair, RequestTemplate
from integrations.kinds.auth_connector.config import AuthConnectorConfig, BasicConfig, BearerConfig, OAuthConfig
from integrations.templating.json_body import JsonBody, parse_json_body
from integrations.templating.placeholders import Template, parse

GRANT_TYPE = "grant_type"


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
    encoded = config.client_authentication == "basic"
    basic = BasicAuth(parse(config.client_id), parse(config.client_secret), encoded)
    return RequestTemplate(
        method="POST",
        base_url=config.token_address,
        fixed_query=config.token_query,
        path=parse(""),
        headers=(Pair("Accept", parse("application/json")),),
        body=_token_body(config),
        basic=None if config.client_authentication == "post" else basic,
    )


def standard_fields(config: OAuthConfig) -> dict[str, str]:
    """Return the fields of the token request that have a setting of their own, without those that are empty.

    The client secret of a client without one is left out as well (RFC 6749 section 2.3.1).
    """
    fields = {"scope": config.scope, "audience": config.audience}
    if GRANT_TYPE not in query_names(config):
        fields = {GRANT_TYPE: config.grant_type} | fields
    if config.client_authentication == "post":
        fields |= {"client_id": config.client_id, "client_secret": config.client_secret}
    return {name: text for name, text in fields.items() if text}


def query_names(config: OAuthConfig) -> set[str]:
    """Return the names in the query of the token URL, in lower case: some servers read them so."""
    return {name.lower() for name, _ in parse_qsl(config.token_query, keep_blank_values=True)}


def _token_body(config: OAuthConfig) -> FormBody | JsonBody:
    fields = [*standard_fields(config).items(), *((entry.name, entry.value) for entry in config.extra)]
    if config.is_json:
        return parse_json_body(json.dumps(dict(fields)))
    return FormBody(tuple(Pair(name, parse(text)) for name, text in fields))


def _bearer(token: Template) -> Template:
    return parse("Bearer " + token.source)
