"""Refusals: the outcomes that callers are told about, each with a stable code.

Every refusal that reaches a page or the API is one of these classes (docs/api.md, "Errors"). They carry names, hosts
and codes, and never a value. The interfaces decide how to present a refusal, as a problem document or a form error.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its name in the form and the API, and a sentence that says how to correct it.

    `code` is the code of the refusal that this problem alone would be; empty for most. `line` is where it stands in the
    document that was sent; 0 if there is none, or no line is to blame.
    """

    field: str
    message: str
    code: str = ""
    line: int = 0


class Refusal(Exception):  # noqa: N818 - a refusal is an outcome, not an error
    """An action that was not carried out.

    Attributes:
        detail: a sentence for people.
        errors: the invalid fields.
        members: further members of the problem document, such as `run_id` and `references`. JSON, and never a value.
        run: the ids of the run that was refused, for the log; empty if none is on record.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str = "", *, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.members: dict[str, object] = {}
        self.run: dict[str, str] = {}


class NotFound(Refusal):
    """The object does not exist or belongs to another organization. Callers cannot tell the two apart."""

    code, status, title = "not_found", 404, "Not found"


class PermissionDenied(Refusal):
    """The caller belongs to the organization, but its role or key does not allow the action."""

    code, status, title = "permission_denied", 403, "Not allowed"


class ProofNeeded(Refusal):
    """The action needs a recent proof of who is there (`accounts.access.step_up`), and the session has none."""

    code, status, title = "proof_needed", 403, "Confirm that it is you"


class Unauthenticated(Refusal):
    """There is no API key, or it is unknown, expired or revoked."""

    code, status, title = "unauthenticated", 401, "API key needed"


class AgentsStopped(Refusal):
    """A person has stopped every agent of the organization: no API key may call (docs/stopping.md)."""

    code, status, title = "agents_stopped", 403, "All agents are stopped"


class AgentStopped(Refusal):
    """A person has stopped the API key that calls, or the one that made its session."""

    code, status, title = "agent_stopped", 403, "This agent is stopped"


class Invalid(Refusal):
    """Well-formed input breaks a rule; `errors` names the fields."""

    code, status, title = "invalid", 422, "Invalid input"


class InvalidJson(Refusal):
    """The body is not JSON."""

    code, status, title = "invalid_json", 400, "Not JSON"


class DocumentUnreadable(Invalid):
    """A document in JSON or YAML cannot be read (`accounts.common.documents`)."""

    code, title = "document_unreadable", "Document unreadable"


class SecondFactorUnavailable(Refusal):
    """A stored second factor cannot be opened: its key is lost, or the row was changed in the database."""

    code, status, title = "key_unavailable", 409, "This second factor cannot be used"


class EditConflict(Refusal):
    """Somebody else saved in between."""

    code, status, title = "edit_conflict", 412, "Changed by somebody else"


class RequestUnfinished(Refusal):
    """The first request with this `Idempotency-Key` is under way, or ended without an answer."""

    code, status, title = "request_unfinished", 409, "Request unfinished"


class IdempotencyKeyReused(Refusal):
    """The `Idempotency-Key` came with another request before."""

    code, status, title = "idempotency_key_reused", 422, "Key used for another request"


class RateLimited(Refusal):
    """The caller reached a limit; the same call works again later."""

    code, status, title = "rate_limited", 429, "Too soon"


class TooLarge(Refusal):
    """The body of the request is larger than Coffer reads."""

    code, status, title = "too_large", 413, "Too large"


class RequestTimedOut(Refusal):
    """The body of the request did not arrive in time."""

    code, status, title = "request_timed_out", 408, "Too slow"


class DatabaseUnavailable(Refusal):
    """The database cannot be used now (`accounts.common.outages`)."""

    code, status, title = "database_unavailable", 503, "Database unavailable"

    def __init__(self, detail: str = "The database cannot be used at the moment. Try again in a few seconds.") -> None:
        super().__init__(detail)
        self.members["retry_after_seconds"] = 5


class OutOfResources(Refusal):
    """The process has no file descriptor left, or a disk is full (`accounts.common.outages`)."""

    code, status, title = "out_of_resources", 503, "Out of resources"

    def __init__(self) -> None:
        super().__init__("Coffer is short of file descriptors or disk space at the moment. Try again in a few seconds.")
        self.members["retry_after_seconds"] = 5
