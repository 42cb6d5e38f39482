"""The audit trail: one event for each action, written in the action's own transaction.

An event says who did what to which object, with the names of changed fields and never a value. Each event carries a
keyed hash over itself and the previous event of the same organization, so an edit or a gap shows, and nobody who has
the database alone can compute the chain anew.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import chain_keys
from accounts.common.environments import Environment
from accounts.models import AuditEvent, AuditHead


class Event(StrEnum):
    """Every event type, as `object.action`. A type that is no longer written stays here as a comment."""

    API_KEY_BUDGET_SET = "api_key.budget_set"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    API_KEY_SESSION_STARTED = "api_key.session_started"
    API_KEY_SESSION_STOPPED = "api_key.session_stopped"
    API_KEY_STARTED = "api_key.started"
    API_KEY_STOPPED = "api_key.stopped"
    API_KEY_SUSPENDED = "api_key.suspended"
    API_KEY_SUSPENSION_LIFTED = "api_key.suspension_lifted"
    APPROVAL_APPROVED = "approval.approved"
    APPROVAL_DENIED = "approval.denied"
    APPROVAL_EXPIRED = "approval.expired"
    APPROVAL_HELD = "approval.held"
    APPROVAL_USED = "approval.used"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_CREATED = "endpoint.created"
    ENDPOINT_DELETED = "endpoint.deleted"
    ENDPOINT_PAUSED = "endpoint.paused"
    ENDPOINT_RESUMED = "endpoint.resumed"
    ENDPOINT_SECRET_REPLACED = "endpoint.secret_replaced"
    INTEGRATION_CREATED = "integration.created"
    INTEGRATION_CHANGED = "integration.changed"
    INTEGRATION_DELETED = "integration.deleted"
    INTEGRATION_DUPLICATED = "integration.duplicated"
    INTEGRATION_RULES_CHANGED = "integration.rules_changed"
    INTEGRATION_SECRET_IN_ARGUMENTS = "integration.secret_in_arguments"
    INTEGRATION_TOOL_APPROVED = "integration.tool_approved"
    INTEGRATION_TOOL_CHANGED = "integration.tool_changed"
    INTEGRATION_TOOL_WITHDRAWN = "integration.tool_withdrawn"
    INVITATION_APPROVED = "invitation.approved"
    INVITATION_CREATED = "invitation.created"
    INVITATION_RENEWED = "invitation.renewed"
    INVITATION_WITHDRAWN = "invitation.withdrawn"
    MEMBER_ACTIVATED = "member.activated"
    MEMBER_ADDED = "member.added"
    MEMBER_DEACTIVATED = "member.deactivated"
    MEMBER_EMAIL_CHANGED = "member.email_changed"
    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    MEMBER_PASSWORD_CHANGED = "member.password_changed"
    MEMBER_PROOF_FAILED = "member.proof_failed"
    MEMBER_RECOVERY_CODES_MADE = "member.recovery_codes_made"
    MEMBER_REMOVED = "member.removed"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_SECOND_FACTOR_ADDED = "member.second_factor_added"
    MEMBER_SECOND_FACTOR_REMOVED = "member.second_factor_removed"
    MEMBER_SESSION_ENDED = "member.session_ended"
    MEMBER_SIGNED_IN = "member.signed_in"
    MEMBER_SINGLE_SIGN_ON_CONNECTED = "member.single_sign_on_connected"
    MEMBER_SINGLE_SIGN_ON_DISCONNECTED = "member.single_sign_on_disconnected"
    ORGANIZATION_AGENTS_STARTED = "organization.agents_started"
    ORGANIZATION_AGENTS_STOPPED = "organization.agents_stopped"
    ORGANIZATION_CHANGED = "organization.changed"
    ORGANIZATION_CONFIGURED = "organization.configured"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_DATA_KEY_DESTROYED = "organization.data_key_destroyed"
    ORGANIZATION_DATA_KEY_REPLACED = "organization.data_key_replaced"
    ORGANIZATION_DATA_KEY_REWRAPPED = "organization.data_key_rewrapped"
    ORGANIZATION_DELETED = "organization.deleted"
    ORGANIZATION_KEYS_REPAIRED = "organization.keys_repaired"
    ORGANIZATION_UPGRADED = "organization.upgraded"
    ORGANIZATION_VALUES_COMPARED = "organization.values_compared"
    SECRET_CREATED = "secret.created"
    SECRET_CHANGED = "secret.changed"
    SECRET_DELETED = "secret.deleted"
    SECRET_DESTINATION_ADDED = "secret.destination_added"
    SECRET_DISABLED = "secret.disabled"
    SECRET_ENABLED = "secret.enabled"
    SECRET_PREVIOUS_DESTROYED = "secret.previous_destroyed"
    SECRET_PROMOTED = "secret.promoted"
    SECRET_ROLLED_BACK = "secret.rolled_back"
    SECRET_STAGED = "secret.staged"
    SECRET_STAGED_DISCARDED = "secret.staged_discarded"
    SECRET_UNREADABLE = "secret.unreadable"
    SECRET_REQUEST_ANSWERED = "secret_request.answered"
    SECRET_REQUEST_DISMISSED = "secret_request.dismissed"
    SECRET_REQUEST_MADE = "secret_request.made"


class Outcome(StrEnum):
    """Whether the action was carried out or refused."""

    DONE = "done"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        """The label that people see, such as `Refused`."""
        return self.value.capitalize()


class Target(Protocol):
    """An object that an event can be about.

    The id is None for an object that a refused attempt was to create.
    """

    @property
    def id(self) -> UUID | None: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Act:
    """One of many actions to record together; the fields are those of `record`."""

    event: Event
    target: Target
    environment: Environment | None = None
    data: dict[str, Any] = field(default_factory=dict)


def record(
    event: Event,
    *,
    actor: Actor,
    target: Target,
    environment: Environment | None = None,
    outcome: Outcome = Outcome.DONE,
    **data: Any,
) -> AuditEvent:
    """Append one event.

    Args:
        event: the type of the event.
        actor: who acted; the event belongs to the actor's organization.
        target: the object; its id and name are copied.
        environment: the environment, if the action concerns a single one.
        outcome: whether the action was carried out or refused.
        data: details such as names of changed fields, counts and roles. JSON, and never a value.

    Raises:
        RuntimeError: there is no transaction, so the event could outlive an action that is rolled back.
    """
    head = _lock_head(actor.organization.id)
    key = chain_keys.current(actor.organization.id)
    entry = _next(head, actor, Act(event, target, environment, data), key=key, outcome=outcome, now=timezone.now())
    entry.save(force_insert=True)
    AuditHead.objects.filter(pk=head.pk).update(sequence=entry.sequence, chain=entry.chain)
    return entry


def record_all(acts: Iterable["Act"], *, actor: Actor) -> None:
    """Append one event for each of many actions of one transaction, in order, in a few statements.

    Raises:
        RuntimeError: there is no transaction.
    """
    head, now = _lock_head(actor.organization.id), timezone.now()
    key = chain_keys.current(actor.organization.id)
    entries = []
    for act in acts:
        entries.append(_next(head, actor, act, key=key, outcome=Outcome.DONE, now=now))
        head.sequence, head.chain = entries[-1].sequence, entries[-1].chain
    AuditEvent.objects.bulk_create(entries)
    AuditHead.objects.filter(pk=head.pk).update(sequence=head.sequence, chain=head.chain)


def _next(
    head: AuditHead, actor: Actor, act: Act, *, key: tuple[UUID, bytes], outcome: Outcome, now: datetime
) -> AuditEvent:
    """Return the unsaved event that follows the head, which the caller has locked."""
    entry = AuditEvent(
        organization_id=actor.organization.id,
        sequence=head.sequence + 1,
        created_at=now,
        event=act.event.value,
        outcome=outcome.value,
        actor_kind=actor.kind.value,
        actor_id=actor.id,
        actor_label=_fit("actor_label", actor.label),
        target_kind=act.event.value.partition(".")[0],
        target_id=act.target.id,
        target_label=_fit("target_label", act.target.name),
        environment=act.environment.value if act.environment else "",
        address=actor.address,
        data=act.data,
        key_id=key[0],
    )
    entry.chain = chain_hash(bytes(head.chain), entry, key[1])
    return entry


def chain_hash(previous: bytes, entry: AuditEvent, key: bytes | None) -> bytes:
    """Return the HMAC-SHA-256 over the previous event's hash and every column of this event, in canonical JSON.

    An event without a key id is of a version that had no keys: its hash is a SHA-256, and the column was not there.
    """
    left_out = {"chain"} if key else {"chain", "key_id"}
    fields = {
        field.attname: getattr(entry, field.attname)
        for field in AuditEvent._meta.concrete_fields
        if field.attname not in left_out
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=True)
    hashed = previous + text.encode()
    return hmac.digest(key, hashed, "sha256") if key else hashlib.sha256(hashed).digest()


def _fit(column: str, label: str) -> str:
    """Cut a label to the length of its column: a long e-mail address must not stop an action from being recorded."""
    return label[: AuditEvent._meta.get_field(column).max_length]  # type: ignore[union-attr]


def _lock_head(organization_id: UUID) -> AuditHead:
    if not connection.in_atomic_block:
        raise RuntimeError("An audit event must be recorded in the transaction of its action.")
    locked = AuditHead.objects.select_for_update()
    head = locked.filter(organization_id=organization_id).first()
    if head is None:
        AuditHead.objects.bulk_create([AuditHead(organization_id=organization_id)], ignore_conflicts=True)
        head = locked.get(organization_id=organization_id)
    return head
