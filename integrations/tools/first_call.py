"""Whether an agent that was just given its key has called, and what a person has to do if its call was refused."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.access.api_keys import find_api_key
from accounts.access.stops import SUSPENDED, agent_stopped
from accounts.actors import Actor
from accounts.models import ApiKey
from integrations.models import Run, RunOutcome
from integrations.runs.way_out import way_out

WAITING, CONNECTED, REFUSED = "waiting", "connected", "refused"
ENDED = "This key was revoked or has expired. Connect the agent again, with a new one."


@dataclass(frozen=True, slots=True)
class FirstCall:
    """What is known of the first call of a key.

    Attributes:
        code, fix: of a refusal: its code, and what to do about it.
        integration_id, integration: what was called, if anything was.
    """

    state: str
    at: datetime | None = None
    client: str = ""
    address: str | None = None
    code: str = ""
    fix: str = ""
    integration_id: UUID | None = None
    integration: str = ""


def first_call(*, actor: Actor, key_id: UUID) -> FirstCall:
    """Return whether a key of the actor's organization was used, and whether its latest call was refused.

    Raises:
        NotFound: the organization has no such key.
        PermissionDenied: the actor may not see keys.
    """
    key = find_api_key(actor=actor, key_id=key_id)
    if key.revoked_at or (key.expires_at and key.expires_at <= timezone.now()):
        return _seen(key, REFUSED, code="unauthenticated", fix=ENDED)
    if key.stopped_by:
        return _seen(key, REFUSED, code="agent_stopped", fix=agent_stopped(key).detail)
    if key.suspended_at:
        return _seen(key, REFUSED, code="unauthenticated", fix=SUSPENDED)
    if key.last_used_at is None:
        return FirstCall(WAITING)
    return _latest(key)


def _latest(key: ApiKey) -> FirstCall:
    runs = Run.objects.filter(organization=key.organization_id, caller_id=key.pk, started_at__gte=key.created_at)
    run = runs.order_by("-started_at", "-id").first()
    if run is None:
        return _seen(key, CONNECTED)
    is_refused = run.outcome == RunOutcome.REFUSED.value
    found = _seen(key, REFUSED if is_refused else CONNECTED, *([run.error_code] if is_refused else []))
    return replace(found, integration_id=run.integration_id, integration=run.integration_name)


def _seen(key: ApiKey, state: str, code: str = "", fix: str = "") -> FirstCall:
    fix = fix or (way_out(code).words if code else "")
    return FirstCall(state, key.last_used_at, key.last_client or key.last_user_agent, key.last_address, code, fix)
