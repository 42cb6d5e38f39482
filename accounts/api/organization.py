"""`/api/v1/organization` (docs/stopping.md)."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, Payload
from accounts.people import stopping
from accounts.policy import Permission

router = Router()


class StopIn(Payload):
    """A stop of all agents."""

    why: str = Field(description="The reason, which every caller that is refused reads, in at most 300 characters.")


class StoppedOut(Schema):
    """All agents are stopped: since when, by whom and why."""

    stopped_at: datetime
    stopped_by: str
    reason: str


@router.post("/stop", response={200: StoppedOut, **PROBLEMS}, summary="Stop all agents")
@key_requires(Permission.AGENTS_STOP)
def stop_agents(request: HttpRequest, payload: StopIn) -> dict[str, Any]:
    """Refuses every call with an API key from now on, this key's too, until a person starts the agents again."""
    with payload.faults_told():
        organization = stopping.stop_agents(actor=actor_of(request), why=payload.why)
    return {
        "stopped_at": organization.agents_stopped_at,
        "stopped_by": organization.agents_stopped_by,
        "reason": organization.agents_stopped_why,
    }
