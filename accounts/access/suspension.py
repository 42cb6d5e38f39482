"""Suspended API keys, whose calls are refused: they passed values of secrets as arguments, or a person stopped them.

A suspension is not a revocation: programs go on with the same key once a person lifts it.
"""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.access.callers import CONCURRENT_CALLS
from accounts.access.stops import agent_stopped, clean_reason, label_of
from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import NotFound
from accounts.mail import messages, sending
from accounts.models import ApiKey
from accounts.policy import Permission

MOST_SECRETS_IN_ARGUMENTS = 3
"""How many calls with a value among the arguments suspend a key."""


def count_secret_in_arguments(*, actor: Actor, integration: str, at_once: bool) -> bool:
    """Count a call whose arguments contained the value of a secret, and tell the owners.

    A call of a session counts for its API key, which could make new sessions otherwise.

    Args:
        actor: the API key that made the call.
        integration: the name of the integration, for the mail.
        at_once: suspend the key without waiting for further calls.

    Returns:
        whether the key is suspended now.
    """
    with transaction.atomic():
        key = ApiKey.objects.select_for_update().select_related("organization").filter(pk__in=[actor.key_id]).first()
        if key is None:
            return False
        key.secrets_in_arguments += 1
        suspends = key.suspended_at is None and (at_once or key.secrets_in_arguments >= MOST_SECRETS_IN_ARGUMENTS)
        if suspends:
            key.suspended_at = timezone.now()
            trail.record(trail.Event.API_KEY_SUSPENDED, actor=actor, target=key, prefix=key.prefix)
        key.save(update_fields=["secrets_in_arguments", "suspended_at"])
        mails = messages.secret_in_arguments(key, integration=integration, is_suspended=key.suspended_at is not None)
        sending.send_after_commit(mails, about="secret in arguments")
    return key.suspended_at is not None


def stop_agent(*, actor: Actor, key_id: UUID, why: str) -> ApiKey:
    """Stop a key and its sessions until somebody lifts it; a key that a person has stopped stays as it is.

    Calls under way in this process end at once; elsewhere nothing more is sent for them and no answer is given out.

    Raises:
        NotFound: the organization has no such key.
        PermissionDenied: the actor may not revoke API keys.
        Invalid: there is no reason, or it cannot be stored.
    """
    actor.check(Permission.API_KEYS_REVOKE)
    reason = clean_reason(why, detail="The agent was not stopped.")
    with transaction.atomic():
        key = _locked(actor, key_id)
        if not key.stopped_by:
            key.suspended_at, key.stopped_by, key.stopped_why = timezone.now(), label_of(actor), reason
            key.save(update_fields=["suspended_at", "stopped_by", "stopped_why"])
            trail.record(trail.Event.API_KEY_STOPPED, actor=actor, target=key, prefix=key.prefix, reason=reason)
            transaction.on_commit(lambda: CONCURRENT_CALLS.stop(key.pk, partial(agent_stopped, key)))
    return key


def lift_suspension(*, actor: Actor, key_id: UUID) -> ApiKey:
    """Let a suspended key make calls again, and start counting anew. A key that is not suspended stays as it is.

    Raises:
        NotFound: the organization has no such key.
        PermissionDenied: the actor may not create API keys.
    """
    actor.check(Permission.API_KEYS_CREATE)
    with transaction.atomic():
        key = _locked(actor, key_id)
        if key.suspended_at is not None:
            event = trail.Event.API_KEY_STARTED if key.stopped_by else trail.Event.API_KEY_SUSPENSION_LIFTED
            key.suspended_at, key.secrets_in_arguments, key.stopped_by, key.stopped_why = None, 0, "", ""
            key.save(update_fields=["suspended_at", "secrets_in_arguments", "stopped_by", "stopped_why"])
            trail.record(event, actor=actor, target=key, prefix=key.prefix)
    return key


def _locked(actor: Actor, key_id: UUID) -> ApiKey:
    own = ApiKey.objects.filter(organization=actor.organization, parent=None)
    key = own.select_for_update().filter(pk=key_id).first()
    if key is None:
        raise NotFound("No such API key.")
    return key
