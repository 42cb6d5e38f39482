"""Which operations do what; the document says the same (`config.api.document`)."""

import inspect
from http import HTTPStatus

from ninja.operation import Operation

from accounts.access.route_permissions import DRY_RUN

RUN = "run_integration"


def operation_id(operation: Operation) -> str:
    """Return the id of an operation: the name of its function, which no other operation has."""
    return str(operation.view_func.__name__)


def reads(operation: Operation) -> bool:
    """Whether an operation changes nothing. Its answers have an entity tag."""
    return operation.methods == ["GET"]


def takes_if_match(operation: Operation) -> bool:
    """Whether `If-Match` names the version that the operation is about.

    A `POST` ignores the header (RFC 9110, section 13.1.1): what it creates has no version yet.
    """
    changes = not {"PUT", "PATCH"}.isdisjoint(operation.methods)
    return changes and HTTPStatus.PRECONDITION_FAILED in operation.response_models


def has_dry_run(operation: Operation) -> bool:
    """Whether `dry_run=true` shows what the operation would change.

    An asynchronous operation calls an upstream; what it would do cannot be tried without the call. An operation with a
    parameter of that name has dry runs of its own.
    """
    has_own = DRY_RUN in inspect.signature(operation.view_func).parameters
    return not reads(operation) and not operation.is_async and not has_own


def takes_idempotency_key(operation: Operation) -> bool:
    """Whether an `Idempotency-Key` keeps the operation from being carried out twice: creates, runs and other POSTs.

    `PUT`, `PATCH` and `DELETE` may be repeated anyway, and so may tests and checks, which are harmless.
    """
    return operation.methods == ["POST"] and (not operation.is_async or operation_id(operation) == RUN)
