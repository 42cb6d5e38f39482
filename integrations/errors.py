"""What can stop a run, each with the code and status that docs/api.md ("Errors") lists.

These are answers to the caller, so `detail` and `errors` name things (a secret, a header, a host) and never carry a
value. This module owns the codes alone; the sentences belong to whoever refuses.
"""

from typing import Any

from accounts.errors import Invalid, Refusal


class SecretMissing(Refusal):
    """A secret that the call needs does not exist, or has no value in this environment."""

    code, status, title = "secret_missing", 409, "Secret missing"


class SecretDisabled(Refusal):
    """A secret that the call needs is switched off."""

    code, status, title = "secret_disabled", 409, "Secret disabled"


class IntegrationDisabled(Refusal):
    """The integration, or something that it builds on, is switched off."""

    code, status, title = "integration_disabled", 409, "Integration disabled"


class EnvironmentNotEnabled(Refusal):
    """The integration does not run in the environment asked for."""

    code, status, title = "environment_not_enabled", 409, "Environment not enabled"


class DomainNotAllowed(Refusal):
    """A secret may not be sent to this host."""

    code, status, title = "domain_not_allowed", 409, "Domain not allowed"


class InvalidArguments(Refusal):
    """The arguments do not fit the declared parameters; `errors` names each as `params.NAME`."""

    code, status, title = "invalid_arguments", 422, "Invalid arguments"


class InvalidHeaderValue(Refusal):
    """A header's value would hold something that HTTP forbids there, such as a line break."""

    code, status, title = "invalid_header_value", 422, "Invalid header value"


class InvalidPathValue(Refusal):
    """A value would change which path is called."""

    code, status, title = "invalid_path_value", 422, "Invalid path value"


class InvalidUrl(Refusal):
    """An address that is malformed, or that two parsers could read differently."""

    code, status, title = "invalid_url", 422, "Invalid URL"


class EgressDenied(Refusal):
    """A well-formed address that Coffer may not call; `host` is its name, "" where only an address is known."""

    code, status, title = "egress_denied", 403, "Destination not allowed"

    def __init__(self, detail: str = "", *, host: str = "") -> None:
        super().__init__(detail)
        self.host = host


class UpstreamUnreachable(Refusal):
    """No connection, or one that ended before an answer began."""

    code, status, title = "upstream_unreachable", 502, "Upstream unreachable"


class UpstreamTls(Refusal):
    """The upstream's certificate or its TLS was not accepted."""

    code, status, title = "upstream_tls", 502, "Upstream not trusted"


class ResponseTooLarge(Refusal):
    """The answer exceeds a size limit, as sent or once decompressed."""

    code, status, title = "response_too_large", 502, "Response too large"


class ResponseUnreadable(Refusal):
    """The answer is not HTTP, or ended in the middle."""

    code, status, title = "response_unreadable", 502, "Response unreadable"


class UpstreamTimeout(Refusal):
    """No complete answer within the deadline."""

    code, status, title = "upstream_timeout", 504, "Upstream too slow"


class ChecksFailed(Refusal):
    """A staged value did not pass on every reference, and nobody said that this is accepted."""

    code, status, title = "checks_failed", 409, "Not every check passed"


class IntegrationInUse(Refusal):
    """A connector that others build on cannot go; `dependants` are those integrations, for the answer."""

    code, status, title = "integration_in_use", 409, "Integration in use"

    def __init__(self, detail: str, *, dependants: list[Any]) -> None:
        super().__init__(detail)
        self.dependants = dependants


class RawCredential(Invalid):
    """A text looks like a credential itself, and nobody said that it is meant; `errors` names each field."""

    code, title = "raw_credential", "Raw credential"


class TokenRefused(Refusal):
    """The token endpoint of an auth connector gave no access token, so the call itself was not made."""

    code, status, title = "token_refused", 502, "No access token"
