"""What a call can end with instead of an answer. No error holds a value or the API key."""

from collections.abc import Mapping
from typing import Any


class CofferError(Exception):
    """The base of all errors of this package; its text is a sentence for people."""


class Unreachable(CofferError):
    """Coffer did not answer, or what answered is not Coffer."""


class ApprovalNeeded(CofferError):
    """202: a person has to approve the call. Nothing was sent yet.

    Attributes:
        approval: who was asked, until when, and the page on which people decide.
    """

    def __init__(self, approval: Mapping[str, Any]) -> None:
        self.approval = dict(approval)
        super().__init__(
            f"{approval['operation']} of {approval['integration']['name']} waits for {approval['asked']}, until "
            f"{approval['expires_at']}: {approval['page']}"
        )


class ApiError(CofferError):
    """Coffer refused the call, or the call failed (docs/api.md, "Errors").

    Attributes:
        status: the HTTP status.
        code: the stable code, such as `secret_missing`.
        detail: a sentence for people.
        errors: the invalid fields, each with `field` and `message`; of a file that was sent, with its `line`.
        request_id: what the operator finds the call by.
        run_id: the run, if there was one; None otherwise.
        retry_after: the seconds to wait before the call is repeated; None if the answer names none.
        problem: the whole problem document, with the members that belong to the code.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[dict[str, Any]] = list(problem.get("errors") or [])
        self.request_id: str | None = problem.get("request_id")
        self.run_id: str | None = problem.get("run_id")
        self.retry_after = retry_after
        super().__init__(" ".join([self.detail or self.code, *map(_in_words, self.errors)]))


def _in_words(error: Mapping[str, Any]) -> str:
    where = f"\n  line {error['line']}, " if "line" in error else ""
    return f"{where}{error['field']}: {error['message']}"


class Unauthenticated(ApiError):
    """401: no API key, or one that is unknown, expired, revoked or suspended."""


class PermissionDenied(ApiError):
    """403: the key's scopes or environments do not allow the call, or Coffer may not call the destination."""


class NotFound(ApiError):
    """404: there is no such thing, or the key may not see it."""


class Conflict(ApiError):
    """409 and 412: the state of Coffer does not allow the call; `code` says which state."""


class Invalid(ApiError):
    """400, 413 and 422: the input breaks a rule."""


class RateLimited(ApiError):
    """429: too many calls with this key, or the upstream asked for a pause."""


class Unavailable(ApiError):
    """500 to 504: a fault of Coffer or of the upstream; `code` says which."""


BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    413: Invalid,
    422: Invalid,
    429: RateLimited,
    **dict.fromkeys((500, 502, 503, 504), Unavailable),
}


def api_error(status: int, problem: Mapping[str, Any], retry_after: float | None) -> ApiError:
    """Return the error for a problem document."""
    return BY_STATUS.get(status, ApiError)(status, problem, retry_after)
