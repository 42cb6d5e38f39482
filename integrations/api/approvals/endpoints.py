"""Reading approvals, and waiting for a decision. Nothing here decides: only people do, on their pages."""

import asyncio
import time
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.actors import Actor
from accounts.api.authentication import AsyncApiKeyAuth, actor_of
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, Limit
from accounts.common.database import in_database
from accounts.common.paging import DEFAULT_LIMIT
from accounts.policy import Permission
from integrations.api.approvals.schemas import HeldCallDetailsOut, HeldCallsOut, approval_details_out, approval_out
from integrations.approvals import reading
from integrations.models import Approval, ApprovalState, Run

LONGEST_WAIT = 60
LOOK_EVERY = 1.0
"""Seconds between two looks at an approval that somebody waits for."""
WAITING_AT_MOST = 200
"""Requests that wait at once in a process. Others are answered without waiting."""

router = Router()

Wait = Annotated[int, Field(ge=0, le=LONGEST_WAIT)]
_waiting: set[object] = set()


@router.get("", response={200: HeldCallsOut, **PROBLEMS}, summary="Calls that had to be approved")
@key_requires(Permission.INTEGRATIONS_RUN)
def list_approvals(
    request: HttpRequest,
    state: Literal["waiting", "decided"] | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> dict[str, Any]:
    """Those of the API key's own calls and its sessions', newest first. `decided` are all that wait no longer."""
    page = reading.page(actor_of(request), state or "", cursor=cursor, limit=limit)
    return {"items": [approval_out(approval) for approval in page.items], "next_cursor": page.next_cursor}


@router.get(
    "/{uuid:approval_id}",
    auth=AsyncApiKeyAuth(),
    response={200: HeldCallDetailsOut, **PROBLEMS_OF_ONE},
    summary="One approval",
)
@key_requires(Permission.INTEGRATIONS_RUN)
async def get_approval(request: HttpRequest, approval_id: UUID, wait: Wait = Query(0)) -> dict[str, Any]:  # noqa: B008
    """With `wait`, the answer comes once there is a decision, or the call was made; at the latest after that many
    seconds.
    """
    actor, until = actor_of(request), time.monotonic() + wait
    approval, run = await in_database(_look, actor, approval_id)
    token = object()
    try:
        while _is_undecided(approval, run) and time.monotonic() + LOOK_EVERY <= until and _may_wait(token):
            await asyncio.sleep(LOOK_EVERY)
            approval, run = await in_database(_look, actor, approval_id)
    finally:
        _waiting.discard(token)
    return approval_details_out(approval, run)


def _look(actor: Actor, approval_id: UUID) -> tuple[Approval, Run | None]:
    approval = reading.fetch(actor, approval_id)
    return approval, reading.run_of(approval)


def _is_undecided(approval: Approval, run: Run | None) -> bool:
    """Whether there is something to wait for: a decision, or the end of the call that the server makes."""
    state = approval.state_at()
    is_to_be_made = approval.when == "approved" and (run is None or run.outcome == "started")
    return state is ApprovalState.WAITING or (is_to_be_made and state in {ApprovalState.APPROVED, ApprovalState.USED})


def _may_wait(token: object) -> bool:
    if len(_waiting) < WAITING_AT_MOST:
        _waiting.add(token)
    return token in _waiting
