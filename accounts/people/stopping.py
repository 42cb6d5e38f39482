"""Stopping all agents of an organization, and starting them again (docs/stopping.md).

While they are stopped, every call with an API key or a session is refused, whatever it asks for. People go on.
"""

from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.access.callers import CONCURRENT_CALLS
from accounts.access.stops import agents_stopped, clean_reason, label_of
from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import PermissionDenied
from accounts.mail import messages, sending
from accounts.models import Organization
from accounts.people.organizations import locked
from accounts.policy import Permission

UNLIMITED = "Stopping all agents takes an API key that is not limited to some environments or integrations."
COLUMNS = ["agents_stopped_at", "agents_stopped_by", "agents_stopped_why"]


def stop_agents(*, actor: Actor, why: str) -> Organization:
    """Stop all agents of the actor's organization, and tell the owners. If they are stopped, nothing changes.

    Calls under way in this process end at once; elsewhere nothing more is sent for them and no answer is given out.

    Raises:
        PermissionDenied: the actor may not stop agents, or is an API key that is limited to some of the organization.
        Invalid: there is no reason, or it cannot be stored.
    """
    actor.check(Permission.AGENTS_STOP)
    if actor.is_bounded:
        raise PermissionDenied(
            "Stopping all agents takes an API key that is not limited to some environments or integrations."
        )
    reason = clean_reason(why, detail="The agents were not stopped.")
    with transaction.atomic():
        actor = locked(actor)
        actor.check(Permission.AGENTS_STOP)
        organization = Organization.objects.get(pk=actor.organization.pk)
        if organization.agents_stopped_at:
            return organization
        organization.agents_stopped_at = timezone.now()
        organization.agents_stopped_by, organization.agents_stopped_why = label_of(actor), reason
        organization.save(update_fields=COLUMNS)
        trail.record(trail.Event.ORGANIZATION_AGENTS_STOPPED, actor=actor, target=organization, reason=reason)
        sending.send_after_commit(messages.agents_stopped(organization), about="agents stopped")
        stopped = partial(agents_stopped, organization)
        transaction.on_commit(lambda: CONCURRENT_CALLS.stop(organization.pk, stopped))
    return organization


def start_agents(*, actor: Actor) -> Organization:
    """Let all agents call again, except those that are stopped one by one. If they are not stopped, nothing changes.

    Raises:
        PermissionDenied: the actor may not start agents; no API key may.
    """
    actor.check(Permission.AGENTS_START)
    with transaction.atomic():
        actor = locked(actor)
        actor.check(Permission.AGENTS_START)
        organization = Organization.objects.get(pk=actor.organization.pk)
        if organization.agents_stopped_at:
            organization.agents_stopped_at = None
            organization.agents_stopped_by = organization.agents_stopped_why = ""
            organization.save(update_fields=COLUMNS)
            trail.record(trail.Event.ORGANIZATION_AGENTS_STARTED, actor=actor, target=organization)
            sending.send_after_commit(messages.agents_started(organization, actor=actor), about="agents started")
    return organization
