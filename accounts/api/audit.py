"""The endpoint `/api/v1/audit-events` (docs/api.md, "Records")."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.audit_export import streamed
from accounts.api.authentication import actor_of, searchable
from accounts.api.files import FILES, TEXT, wanted_format
from accounts.api.schemas import PROBLEMS, Limit, Moment
from accounts.audit import log
from accounts.audit.lines import event_out
from accounts.audit.log import AuditFilters
from accounts.audit.trail import Event, Outcome
from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT
from accounts.policy import Permission

router = Router()


class NamedOut(Schema):
    """The actor or target of an event; the name is the one it had at that time."""

    kind: str
    id: UUID | None
    name: str


class AuditEventOut(Schema):
    """An action that was carried out, or an attempt that was refused.

    `data` holds details such as the names of changed fields, never a value.
    """

    id: UUID
    sequence: int = Field(description="The position in the organization's hash chain, from 1.")
    event: str
    outcome: Outcome
    actor: NamedOut
    target: NamedOut
    environment: Environment | None
    address: str | None
    data: dict[str, Any]
    created_at: datetime
    chain: str = Field(description="SHA-256 over the previous event's chain and this event, as hexadecimal digits.")


class AuditEventsOut(Schema):
    """One page of events, newest first."""

    items: list[AuditEventOut]
    next_cursor: str | None


@router.get(
    "",
    response={200: AuditEventsOut, **PROBLEMS},
    summary="The audit log",
    openapi_extra={"responses": {200: {"content": dict.fromkeys(FILES, TEXT)}}},
)
@key_requires(Permission.AUDIT_READ)
def list_audit_events(
    request: HttpRequest,
    event: Event | None = None,
    actor: str = "",
    target: str = "",
    outcome: Outcome | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> Any:
    """Newest first. `actor` and `target` are ids, or exact names as the log shows them.

    With `Accept: text/csv` or `application/x-ndjson` (JSON Lines) the response streams everything that matches; `limit`
    and `cursor` apply to JSON only.
    """
    filters = AuditFilters(
        event=event.value if event else "",
        actor=searchable(actor),
        target=searchable(target),
        outcome=outcome.value if outcome else "",
        since=since,
        until=until,
    )
    if file_format := wanted_format(request):
        return streamed(request, actor_of(request), filters, file_format)
    page = log.page(actor_of(request), filters, cursor=cursor, limit=limit)
    return {"items": [event_out(event) for event in page.items], "next_cursor": page.next_cursor}
