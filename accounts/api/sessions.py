"""`/api/v1/sessions` (docs/agents.md, "Sessions")."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from accounts.access import agent_sessions
from accounts.access.agent_sessions import LONGEST, USUAL, SessionBounds
from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, Limit, Payload, ProblemOut
from accounts.common.environments import Environment, in_order
from accounts.common.paging import DEFAULT_LIMIT
from accounts.models import ApiKey
from accounts.policy import Permission, Scope

router = Router()

MINUTE = timedelta(minutes=1)


class SessionIn(Payload):
    """A session to start. What is left out is as the API key has it, but the scope is `run` alone."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"name": "session"}

    name: str = Field(description="What the session is for, such as the id of a call.")
    minutes: int = Field(USUAL // MINUTE, description=f"At most {LONGEST // MINUTE}.")
    scopes: list[Scope] = [Scope.RUN]
    environments: list[Environment] | None = None
    integrations: list[UUID] | None = None
    max_concurrent: int | None = None
    max_per_minute: int | None = None


class SessionOut(Schema):
    """A session of an API key."""

    id: UUID
    name: str
    prefix: str = Field(description="The beginning of its token, which is safe to show.")
    scopes: list[Scope]
    environments: list[Environment]
    integrations: list[UUID] | None
    max_concurrent: int
    max_per_minute: int | None
    created_at: datetime
    expires_at: datetime
    stopped_at: datetime | None
    last_used_at: datetime | None


class StartedSessionOut(SessionOut):
    """A session that was just started, with its token, which is never shown again."""

    token: str


class SessionsOut(Schema):
    """One page of sessions, newest first."""

    items: list[SessionOut]
    next_cursor: str | None


@router.post("", response={201: StartedSessionOut, **PROBLEMS, 429: ProblemOut}, summary="Start a session")
@key_requires(Permission.INTEGRATIONS_RUN)
def start_session(request: HttpRequest, payload: SessionIn) -> Any:
    """Starts a session with a subset of the bounds of the API key that calls, for one run of an agent."""
    bounds = SessionBounds(
        scopes=frozenset(payload.scopes),
        environments=None if payload.environments is None else frozenset(payload.environments),
        integrations=None if payload.integrations is None else frozenset(payload.integrations),
        max_concurrent=payload.max_concurrent,
        max_per_minute=payload.max_per_minute,
    )
    lifetime = timedelta(minutes=max(0, min(payload.minutes, 2 * LONGEST // MINUTE)))
    with payload.faults_told():
        session, text = agent_sessions.start_session(
            actor=actor_of(request), name=payload.name, lifetime=lifetime, bounds=bounds
        )
    return Status(201, session_out(session) | {"token": text.text})


@router.get("", response={200: SessionsOut, **PROBLEMS}, summary="List the sessions of this API key")
@key_requires(Permission.INTEGRATIONS_RUN)
def list_sessions(request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: str = "") -> Any:
    """Newest first. Sessions that ended are listed for some days."""
    page = agent_sessions.sessions_of(actor=actor_of(request), cursor=cursor, limit=limit)
    return {"items": [session_out(session) for session in page.items], "next_cursor": page.next_cursor}


@router.delete("/{uuid:session_id}", response={204: None, **PROBLEMS_OF_ONE}, summary="Stop a session")
@key_requires(Permission.INTEGRATIONS_RUN)
def stop_session(request: HttpRequest, session_id: UUID) -> Any:
    """Stops one session at once, with its calls under way. The API key and its other sessions go on."""
    agent_sessions.stop_session(actor=actor_of(request), session_id=session_id)
    return Status(204, None)


def session_out(session: ApiKey) -> dict[str, Any]:
    """Return what the API tells of a session."""
    told = ("id", "name", "prefix", "scopes", "integrations", "max_concurrent", "max_per_minute", "created_at")
    return {
        **{name: getattr(session, name) for name in (*told, "expires_at", "last_used_at")},
        "environments": in_order(session.environments),
        "stopped_at": session.revoked_at,
    }
