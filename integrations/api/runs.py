"""`/api/v1/runs` (docs/api.md, "Records")."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from ninja import Router
from pydantic import AfterValidator

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, Limit
from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT, decode_cursor, encode_cursor
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from integrations.api.schemas import RunsOut, run_out
from integrations.models import Run, RunSecret

router = Router()


def _in_utc(moment: datetime) -> datetime:
    """Convert a time to UTC; without an offset it is taken as UTC.

    Raises:
        ValueError: the result is outside the years 1 to 9999.
    """
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("Use a date between the years 1 and 9999 in UTC.") from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Outcome = Literal["started", "succeeded", "upstream_error", "refused", "failed"]


@router.get(
    "",
    response={200: RunsOut, **PROBLEMS},
    summary="The run ledger",
)
@key_requires(Permission.RUNS_READ)
def list_runs(
    request: HttpRequest,
    integration: UUID | None = None,
    secret: UUID | None = None,
    environment: Environment | None = None,
    outcome: Outcome | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> dict[str, Any]:
    """Newest first. `integration` and `secret` are ids; `since` and `until` limit the start of a run."""
    runs = Run.objects.visible_to(actor_of(request)).newest_first().prefetch_related("secrets")
    runs = runs.matching(
        integration_id=integration,
        environment=environment,
        outcome=outcome,
        started_at__gte=since,
        started_at__lt=until,
    )
    if secret:
        runs = runs.filter(pk__in=RunSecret.objects.filter(secret_id=secret).values("run"))
    if cursor:
        started_at, last = _position(cursor)
        earlier = Q(started_at__lt=started_at) | Q(started_at=started_at, pk__lt=last)
        runs = runs.filter(earlier, started_at__lte=started_at)  # bounds the index scan
    found = list(runs[: limit + 1])
    key = [found[limit - 1].started_at.isoformat(), str(found[limit - 1].pk)] if len(found) > limit else None
    return {"items": [run_out(run) for run in found[:limit]], "next_cursor": encode_cursor(key) if key else None}


def _position(cursor: str) -> tuple[datetime, UUID]:
    started_at, last = decode_cursor(cursor, length=2)
    try:
        return _in_utc(datetime.fromisoformat(started_at)), UUID(last)
    except ValueError:
        raise Invalid(
            "The cursor does not belong to this list.",
            errors=[FieldError("cursor", "Use the next_cursor of the previous page.")],
        ) from None
