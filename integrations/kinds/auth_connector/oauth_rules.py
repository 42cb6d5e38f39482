"""Rules for the token request of OAuth 2 client credentials (docs/kinds/connectors.md).

No field is sent twice: servers refuse that (RFC 6749 section 3.2), or read either of the two.
"""

import re
from collections.abc import Iterator

from accounts.errors import FieldError
from integrations.exchange.messages import QUERY
from integrations.kinds.auth_connector.config import CLIENT_CREDENTIALS, OAuthConfig
from integrations.kinds.auth_connector.credential import GRANT_TYPE, query_names
from integrations.kinds.config_fields import base_url_problems, holds_placeholder, problem_with_fixed_name
from integrations.kinds.http_parts import credential_problems

_OWN_SETTINGS = {
    "client_id": "client id",
    "client_secret": "client secret",
    GRANT_TYPE: "grant type",
    "scope": "scope",
}
"""Fields that have a setting of their own, and what it is called."""
_MAY_REPEAT = frozenset({"resource", "audience"})
"""Fields that may be sent more than once (RFC 8707 section 2, RFC 8693 section 2.1)."""
_GRANT_TYPE = re.compile(r"[!-~]+")
_NOT_IN_URL = (
    "A token URL cannot hold a placeholder, percent-encoded or not. Send the value as a further field (extra)."
)


def token_request_problems(config: OAuthConfig) -> Iterator[FieldError]:
    """Yield what is wrong with the token URL, the grant type and the further fields."""
    yield from _url_problems(config)
    if holds_placeholder(config.grant_type) or not _GRANT_TYPE.fullmatch(config.grant_type):
        yield FieldError("config.grant_type", "Use visible ASCII characters without spaces and placeholders.")
    yield from _extra_problems(config)


def _url_problems(config: OAuthConfig) -> Iterator[FieldError]:
    field = "config.token_url"
    yield from base_url_problems(config.token_url, field, _NOT_IN_URL)
    if not QUERY.fullmatch(config.token_query):
        yield FieldError(field, "Percent-encode the characters of the query that a URL cannot hold.")
    names = query_names(config)
    for name in sorted(names & {"client_id", "client_secret"}):
        yield FieldError(field, f"Enter the {_OWN_SETTINGS[name]} in its own field, and remove it from this URL.")
    for name in sorted(names & {name for name in ("scope", "audience") if getattr(config, name)}):
        yield FieldError(field, f"The {name} has been entered in its own field too; keep one of them.")
    if GRANT_TYPE in names and config.grant_type != CLIENT_CREDENTIALS:
        yield FieldError("config.grant_type", "The token URL says grant_type already; remove it from one of them.")


def _extra_problems(config: OAuthConfig) -> Iterator[FieldError]:
    in_url = query_names(config)
    seen = {"audience"} if config.audience else set()
    for index, entry in enumerate(config.extra):
        field, name = f"config.extra[{index}]", entry.name.lower()
        yield from problem_with_fixed_name(f"{field}.name", entry.name)
        if name in _OWN_SETTINGS:
            yield FieldError(f"{field}.name", f"Enter the {_OWN_SETTINGS[name]} in its own field instead.")
        elif name in in_url:
            yield FieldError(f"{field}.name", "The token URL says this already; keep one of them.")
        elif name in seen and (name not in _MAY_REPEAT or config.is_json):
            yield FieldError(f"{field}.name", "This field is sent already; keep one of them.")
        seen.add(name)
        yield from credential_problems(f"{field}.value", entry.value, in_header=False)
