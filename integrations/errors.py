"""Refusals that can stop a run, each with the code and status that docs/api.md ("Errors") lists.

Callers see them, so `detail` and `errors` name things (a secret, a header, a host) and never carry a value. This module
owns the codes; the code that raises a refusal writes its sentence.
"""

from typing import Any

from accounts.errors import Invalid, Refusal


class SecretMissing(Refusal):
    """A secret that the call needs does not exist, or has no value in this environment."""

    code, status, title = "secret_missing", 409, "Secret missing"


class SecretDisabled(Refusal):
    """A secret that the call needs is disabled."""

    code, status, title = "secret_disabled", 409, "Secret disabled"


class IntegrationDisabled(Refusal):
    """The integration, its connection or its auth connector is disabled."""

    code, status, title = "integration_disabled", 409, "Integration disabled"


class EnvironmentNotEnabled(Refusal):
    """The integration does not run in the requested environment."""

    code, status, title = "environment_not_enabled", 409, "Environment not enabled"


class ToolNotApproved(Refusal):
    """Nobody has approved this tool of an MCP server; `page` is where a person does."""

    code, status, title = "tool_not_approved", 409, "Tool not approved"


class ToolChanged(Refusal):
    """The server has shown this tool differently since it was approved; `page` is where a person sees how."""

    code, status, title = "tool_changed", 409, "Tool changed"


class DomainNotAllowed(Refusal):
    """The allowed domains of a secret do not include this host."""

    code, status, title = "domain_not_allowed", 409, "Domain not allowed"


class InvalidArguments(Refusal):
    """The arguments do not match the declared parameters; `errors` names each as `params.NAME`."""

    code, status, title = "invalid_arguments", 422, "Invalid arguments"


class ArgumentContainsSecret(Refusal):
    """An argument contains the value of a secret that the call uses, or that another one sends to the same host."""

    code, status, title = "argument_contains_secret", 422, "Argument contains a secret"


class DeniedByRule(Refusal):
    """A rule denies the call; `rule` says which."""

    code, status, title = "denied_by_rule", 403, "Denied by a rule"


class ArgumentNotAllowed(Refusal):
    """A rule does not allow an argument; `pointer` is a JSON Pointer to it, `rule` says which rule."""

    code, status, title = "argument_not_allowed", 422, "Argument not allowed"


class BudgetSpent(Refusal):
    """An API key or an integration has spent its budget of today; `retry_after_seconds` says when, `budget` whose."""

    code, status, title = "budget_spent", 429, "Budget spent"


class LimitReached(Refusal):
    """A rule allows no further call now; `retry_after_seconds` says when, `rule` which."""

    code, status, title = "limit_reached", 429, "Limit reached"


class InvalidHeaderValue(Refusal):
    """A header value contains a character that HTTP forbids there, such as a line break."""

    code, status, title = "invalid_header_value", 422, "Invalid header value"


class InvalidPathValue(Refusal):
    """A value would change the path of the request."""

    code, status, title = "invalid_path_value", 422, "Invalid path value"


class PathNotAllowed(Refusal):
    """A connection passes through what is listed, and this request is not."""

    code, status, title = "path_not_allowed", 403, "Path not allowed"


class StreamNotPossible(Refusal):
    """The answer of this operation cannot be taken piece by piece."""

    code, status, title = "stream_not_possible", 422, "Stream not possible"


class ApprovalNotPossible(Refusal):
    """A rule asks a person about a call that cannot wait for one."""

    code, status, title = "approval_not_possible", 403, "Approval not possible"


class AnswerWithheld(Refusal):
    """An answer could not be searched for values, or a value could not be cut out of it; `withheld` says why."""

    code, status, title = "answer_withheld", 502, "Answer withheld"


class InvalidUrl(Refusal):
    """A URL is malformed, or two parsers could read it differently."""

    code, status, title = "invalid_url", 422, "Invalid URL"


class EgressDenied(Refusal):
    """Coffer may not call a well-formed URL.

    Attributes:
        host: the name of the host; empty where only an address is known.
    """

    code, status, title = "egress_denied", 403, "Destination not allowed"

    def __init__(self, detail: str = "", *, host: str = "") -> None:
        super().__init__(detail)
        self.host = host


class UpstreamUnreachable(Refusal):
    """The upstream accepted no connection, or closed it before the response began."""

    code, status, title = "upstream_unreachable", 502, "Upstream unreachable"


class UpstreamTls(Refusal):
    """The upstream's certificate or TLS version was not accepted."""

    code, status, title = "upstream_tls", 502, "Upstream not trusted"


class ResponseTooLarge(Refusal):
    """The response exceeds a size limit, compressed or decompressed."""

    code, status, title = "response_too_large", 502, "Response too large"


class ResponseUnreadable(Refusal):
    """The response is not valid HTTP, or ended early."""

    code, status, title = "response_unreadable", 502, "Response unreadable"


class UpstreamTimeout(Refusal):
    """The upstream sent no complete response within the time limit."""

    code, status, title = "upstream_timeout", 504, "Upstream too slow"


class ChecksFailed(Refusal):
    """A staged value did not pass the check of every reference, and the caller did not confirm the promotion."""

    code, status, title = "checks_failed", 409, "Not every check passed"


class IntegrationInUse(Refusal):
    """A connection or connector that other integrations use cannot be deleted.

    Attributes:
        dependants: the integrations that use it.
    """

    code, status, title = "integration_in_use", 409, "Integration in use"

    def __init__(self, detail: str, *, dependants: list[Any]) -> None:
        super().__init__(detail)
        self.dependants = dependants


class PlanStale(Refusal):
    """What is stored, or the configuration file, has changed since the plan was made."""

    code, status, title = "plan_stale", 409, "The plan is stale"


class RawCredential(Invalid):
    """A text looks like a credential, and the caller did not confirm it; `errors` names each field."""

    code, title = "raw_credential", "Raw credential"


class TokenRefused(Refusal):
    """The token endpoint of an auth connector returned no access token, so the call was not made.

    Attributes:
        host: of the token endpoint.
        said: what the endpoint said, not masked yet: it must not be shown.
    """

    code, status, title = "token_refused", 502, "No access token"

    def __init__(self, detail: str = "", *, host: str = "", said: bytes = b"") -> None:
        super().__init__(detail)
        self.host, self.said = host, said


class ApprovalNeeded(Refusal):
    """The call was not made yet: it waits for a person. The member `approval` says who was asked, and until when.

    The API answers it with the approval; no other interface has an answer of its own for it.
    """

    code, status, title = "approval_needed", 202, "Approval needed"


class ApprovalDenied(Refusal):
    """A person has denied this call."""

    code, status, title = "approval_denied", 403, "Approval denied"


class ApprovalExpired(Refusal):
    """Nobody decided in time, or the approved call was not made in time."""

    code, status, title = "approval_expired", 409, "Approval expired"


class ApprovalUsed(Refusal):
    """The approval is for one call, which was made."""

    code, status, title = "approval_used", 409, "Approval used"


class ApprovalMismatch(Refusal):
    """The approval is for another call, or the integration or its rules have changed since it was asked for."""

    code, status, title = "approval_mismatch", 409, "Approval for something else"


class AlreadyDecided(Refusal):
    """Somebody else has decided; the sentence says who, and how."""

    code, status, title = "already_decided", 409, "Decided already"
