"""Whether an agent that was just given its key has called, and what a person has to do if its call was refused."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.access.api_keys import find_api_key
from accounts.access.callers import SUSPENDED
from accounts.actors import Actor
from accounts.models import ApiKey
from integrations.models import Run, RunOutcome

WAITING, CONNECTED, REFUSED = "waiting", "connected", "refused"
ENDED = "This key was revoked or has expired. Connect the agent again, with a new one."
FIXES = {
    "argument_contains_secret": "The agent passed the value of a secret. Leave it out of its prompt: Coffer adds it.",
    "domain_not_allowed": "Allow the host at the secret, or correct the address of the integration.",
    "egress_denied": "Correct the address of the integration, or have the operator open that network.",
    "environment_not_enabled": "Add this environment to the integration.",
    "integration_disabled": "Enable the integration.",
    "invalid_arguments": "The agent passed arguments that do not fit. It can correct them and call again.",
    "key_unavailable": "Enter the value of the secret again; if that is refused, ask the operator.",
    "rate_limited": "The upstream asked for a pause. The agent can call again later.",
    "secret_disabled": "Enable the secret.",
    "secret_missing": "Enter a value for this environment, or create the secret.",
    "tool_changed": "The server changed the tool. Read on the page of its tools what it says now, and approve it.",
    "tool_not_approved": "Approve the tool on the page of the server's tools.",
}
OTHER_FIX = "Open the integration and send a test: the answer says what is wrong."


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
    fix = fix or (FIXES.get(code, OTHER_FIX) if code else "")
    return FirstCall(state, key.last_used_at, key.last_client or key.last_user_agent, key.last_address, code, fix)
