"""`/api/v1/runs` (docs/api.md, "Records")."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of, searchable
from accounts.api.files import FILES, TEXT, wanted_format
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, Limit, Moment
from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT
from accounts.policy import Permission
from integrations.api import named
from integrations.api.run_export import streamed
from integrations.api.run_schemas import RunDetailsOut, RunsOut, run_details_out, run_out
from integrations.models import RunOutcome
from integrations.runs import reading
from integrations.runs.reading import RunFilters

router = Router()

Outcome = Literal["started", "succeeded", "upstream_error", "refused", "failed"]
Status = Annotated[str, Field(pattern="^([1-5][0-9][0-9]|[1-5]xx)$")]


@router.get(
    "",
    response={200: RunsOut, **PROBLEMS},
    summary="The run ledger",
    openapi_extra={"responses": {200: {"content": dict.fromkeys(FILES, TEXT)}}},
)
@key_requires(Permission.RUNS_READ)
def list_runs(
    request: HttpRequest,
    integration: str = "",
    secret: str = "",
    environment: Environment | None = None,
    caller: str = "",
    outcome: Outcome | None = None,
    code: str = "",
    status: Status | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    q: str = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> Any:
    """Newest first. `integration`, `secret` and `caller` are names or ids; a key's runs include those of its sessions.

    `since` and `until` limit the start of a run. `status` is a number or a class such as `5xx`; `started` as `outcome`
    finds what is under way. `q` is the whole id of a run or a request, else part of an operation, a note, a host or a
    name, looked for in the newest 5,000 runs that match the rest. With `Accept: text/csv` or `application/x-ndjson`
    (JSON Lines) the response streams everything that matches; `limit` and `cursor` apply to JSON only.
    """
    actor = actor_of(request)
    filters = RunFilters(
        text=searchable(q).strip(),
        integration=named.integration_id(actor, searchable(integration)),
        secret=named.secret_id(actor, searchable(secret)),
        environment=environment,
        caller=named.caller_id(actor, searchable(caller)),
        outcome=RunOutcome(outcome) if outcome else None,
        code=searchable(code),
        status=status or "",
        since=since,
        until=until,
    )
    if file_format := wanted_format(request):
        return streamed(request, actor, filters, file_format)
    page = reading.page(actor, filters, cursor=cursor, limit=limit)
    return {"items": [run_out(run) for run in page.items], "next_cursor": page.next_cursor}


@router.get("/{uuid:run_id}", response={200: RunDetailsOut, **PROBLEMS_OF_ONE}, summary="One run with its steps")
@key_requires(Permission.RUNS_READ)
def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """What is known of a run. A body, a header, a query or an argument never is."""
    return run_details_out(reading.find_run(actor_of(request), run_id))
