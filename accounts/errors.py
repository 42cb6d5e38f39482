"""The outcomes that a caller is told about, each with its stable code.

Every refusal that reaches a page or the API is one of these (docs/api.md, "Errors"). They carry names, hosts and
codes; a value never goes into one. How a refusal is spoken (problem document, form error) is the doors' business.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its name as the form and the API call it, and a sentence that names the way out.

    `code` is the code of the refusal that this problem alone would be; empty for most.
    """

    field: str
    message: str
    code: str = ""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """An act that was not done.

    `detail` is a sentence for people, `errors` names fields, `members` are further members of the problem document
    (`run_id`, `references`): JSON, and never a value.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str = "", *, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.members: dict[str, object] = {}


class NotFound(Refusal):
    """No such thing, or it belongs to another organization: the two are never told apart."""

    code, status, title = "not_found", 404, "Not found"


class PermissionDenied(Refusal):
    """The caller belongs here, but the role or key does not allow this act."""

    code, status, title = "permission_denied", 403, "Not allowed"


class ProofNeeded(Refusal):
    """The act asks again who is there (`accounts.access.step_up`), and nobody had answered yet."""

    code, status, title = "proof_needed", 403, "Prove that it is you"


class Unauthenticated(Refusal):
    """No API key, or one that is unknown, expired or revoked."""

    code, status, title = "unauthenticated", 401, "API key needed"


class Invalid(Refusal):
    """Well-formed input that breaks a rule; `errors` names each field."""

    code, status, title = "invalid", 422, "Invalid input"


class InvalidJson(Refusal):
    """A body that is not JSON."""

    code, status, title = "invalid_json", 400, "Not JSON"


class SecondFactorUnavailable(Refusal):
    """What is stored of a second factor cannot be opened: a lost key, or somebody changed the database."""

    code, status, title = "key_unavailable", 409, "This second factor cannot be used"


class EditConflict(Refusal):
    """Somebody else saved in between."""

    code, status, title = "edit_conflict", 412, "Changed by somebody else"


class RateLimited(Refusal):
    """Too many of these at once; a moment later it works again."""

    code, status, title = "rate_limited", 429, "Too soon"


class TooLarge(Refusal):
    """A request with a larger body than Coffer reads."""

    code, status, title = "too_large", 413, "Too large"
