"""The model of approvals: calls that wait for a person, and what the person decided (docs/approvals.md)."""

import uuid
from datetime import datetime
from enum import StrEnum

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.common.fields import OrderedJSONField
from accounts.models import Organization
from secrets_app.models import ENVIRONMENT_CHOICES

REASON_LENGTH = NOTE_LENGTH = 500


class ApprovalState(StrEnum):
    """Where an approval is. The last three are ends: a trigger refuses every way back."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"

    @property
    def is_over(self) -> bool:
        """Whether nothing can come of it any more."""
        return self not in {ApprovalState.WAITING, ApprovalState.APPROVED}


class WhenApproved(StrEnum):
    """Who makes the call once it is approved: the caller, by calling again, or the server at once."""

    RETRY = "retry"
    APPROVED = "approved"


class Approval(models.Model):
    """A call that has to be approved.

    It has ids and labels in the place of foreign keys to the caller and the integration, as the record of a run has.
    What the call would send is sealed (`integrations.holding.contents`) and destroyed some days after the end; here is
    none of it. The three hashes have a key that is not in the database.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="approvals")
    integration_id = models.UUIDField()
    integration_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    operation = models.CharField(max_length=200, help_text="As rules name it: `call_tool:NAME` for a remote tool.")
    environment = models.CharField(max_length=12, choices=ENVIRONMENT_CHOICES)
    caller_kind = models.CharField(max_length=10)
    caller_id = models.UUIDField(null=True)
    principal_id = models.UUIDField(null=True, help_text="Of a session, the API key behind it.")
    caller = models.CharField(max_length=254)
    basis = models.CharField(max_length=64, help_text="Hash of the integration, its parents and their rules.")
    scope = models.CharField(max_length=64, help_text="Hash of that, the operation, the caller and the rule that asks.")
    fingerprint = models.CharField(max_length=64, help_text="Hash of that and the arguments.")
    when = models.CharField(max_length=10, default=WhenApproved.RETRY.value)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True, help_text="Said by the agent, not checked.")
    why = models.CharField(max_length=300, blank=True, help_text="What asks, as a sentence.")
    rule = OrderedJSONField(default=dict, help_text="The rule that asks; empty if the organization does.")
    approvers = models.JSONField(default=list, help_text="Ids of people who decide, beside owners and admins.")
    asked = models.CharField(max_length=300, help_text="Who was asked, in words.")
    needs_proof = models.BooleanField(default=False)
    four_eyes = models.BooleanField(default=False)
    most_minutes = models.PositiveSmallIntegerField(
        default=0, help_text="For how long the operation may be approved at once; 0 for never."
    )
    state = models.CharField(max_length=10, default=ApprovalState.WAITING.value)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="A decision comes too late from then on.")
    asked_again = models.PositiveIntegerField(default=0)
    asked_again_at = models.DateTimeField(null=True)
    decided_by_id = models.UUIDField(null=True)
    decided_by = models.CharField(max_length=254, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=NOTE_LENGTH, blank=True)
    use_before = models.DateTimeField(null=True, help_text="The call has to be made before.")
    is_for_a_while = models.BooleanField(default=False, help_text="Any number of calls until then, of any arguments.")
    calls = models.PositiveIntegerField(default=0, help_text="Made under it.")
    used_at = models.DateTimeField(null=True, help_text="The last time.")
    held_run_id = models.UUIDField()
    made_run_id = models.UUIDField(null=True, help_text="The last one.")
    claimed_until = models.DateTimeField(null=True, help_text="A process of the server makes the call until then.")
    error_code = models.CharField(max_length=40, blank=True, help_text="Why the server could not make the call.")
    ended_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True, help_text="When the sealed part was destroyed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "fingerprint"], condition=Q(state="waiting"), name="approval_waits_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ApprovalState]), name="approval_state_known"
            ),
            models.CheckConstraint(
                condition=Q(when__in=[when.value for when in WhenApproved]), name="approval_when_known"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | Q(state="denied", decided_at__isnull=False, use_before=None)
                | Q(state__in=["approved", "used"], decided_at__isnull=False, use_before__isnull=False)
                | Q(state="expired"),
                name="approval_state_has_its_decision",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "approved"], ended_at=None)
                | Q(state__in=["denied", "expired", "used"], ended_at__isnull=False),
                name="approval_state_has_its_end",
            ),
            models.CheckConstraint(
                condition=Q(calls=0, made_run_id=None, used_at=None) & ~Q(state="used")
                | Q(calls__gte=1, made_run_id__isnull=False, used_at__isnull=False)
                & (Q(state="used") | Q(state="approved", is_for_a_while=True)),
                name="approval_use_has_its_run",
            ),
            models.CheckConstraint(condition=Q(calls__lte=1) | Q(is_for_a_while=True), name="approval_used_once"),
            models.CheckConstraint(
                condition=Q(use_before=None) | Q(use_before__gt=F("decided_at")), name="approval_use_after_decision"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="approval_newest_first"),
            models.Index(fields=["organization", "principal_id", "-created_at", "-id"], name="approval_by_principal"),
            models.Index(fields=["organization", "fingerprint", "-created_at"], name="approval_by_fingerprint"),
            models.Index(fields=["organization", "scope"], condition=Q(state="approved"), name="approval_by_scope"),
            models.Index(fields=["expires_at"], condition=Q(state="waiting"), name="approval_waiting"),
            models.Index(fields=["use_before"], condition=Q(state="approved"), name="approval_to_use"),
            models.Index(fields=["ended_at"], condition=Q(destroyed_at=None), name="approval_to_destroy"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.state}"

    @property
    def name(self) -> str:
        """What it is about, for people and the audit log."""
        return f"{self.operation} of {self.integration_name}"

    def state_at(self, moment: datetime | None = None) -> ApprovalState:
        """Return the state, which is `expired` once its time is over, whether that is on record yet or not."""
        state, moment = ApprovalState(self.state), moment or timezone.now()
        if state is ApprovalState.WAITING and self.expires_at <= moment:
            return ApprovalState.EXPIRED
        if state is ApprovalState.APPROVED and self.use_before and self.use_before <= moment:
            return ApprovalState.USED if self.calls else ApprovalState.EXPIRED
        return state
