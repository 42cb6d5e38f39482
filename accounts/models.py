"""People, organizations, roles, invitations, API keys and the audit log."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import validate_slug
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.api_key import ApiKey  # noqa: F401 - Django finds models here
from accounts.common.bounds import (
    CALLER_LENGTH,
    LONGEST_APPROVAL_DAYS,
    LONGEST_ROLLBACK_HOURS,
    LONGEST_RUN_DAYS,
    SHORTEST_RUN_DAYS,
    WHY_LENGTH,
)
from accounts.managers import UserManager
from accounts.occurrences import Occurrence  # noqa: F401 - Django finds models here
from accounts.policy import Role
from accounts.waiting_mail import WaitingMail  # noqa: F401 - Django finds models here


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the login."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """Keep the login in lower case, in forms too."""
        super().clean()
        self.email = User.objects.normalize_email(self.email)


class SeenSignIn(models.Model):
    """A place from which a person has signed in: a hash of the address and the user agent."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="seen_sign_ins")
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="seen_sign_in_once")]

    def __str__(self) -> str:
        return f"{self.user}, {self.seen_at:%Y-%m-%d}"


class Organization(models.Model):
    """The tenant: each secret, integration, key, run and audit event belongs to one organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=80, unique=True, validators=[validate_slug])
    require_mfa = models.BooleanField(default=False, help_text="People without a second factor see no page of it.")
    production_needs_domains = models.BooleanField(
        default=False, help_text="A Production value is taken only for a secret with allowed domains."
    )
    every_value_needs_domains = models.BooleanField(default=False, help_text="The same for every environment.")
    asks_unless_read_only = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A person is asked about each call that no rule is about and that may change something.",
    )
    asked_about_domains = models.BooleanField(default=False, help_text="An owner has answered the question.")
    rollback_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long a previous value is kept; null for the installation's."
    )
    run_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long runs are kept; null for the installation's."
    )
    agents_stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when calls with API keys are refused; null while they are not."
    )
    agents_stopped_by = models.CharField(max_length=CALLER_LENGTH, blank=True, default="", db_default="")
    agents_stopped_why = models.CharField(max_length=WHY_LENGTH, blank=True, default="", db_default="")
    approval_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long the arguments of a decided call are kept; null for seven days."
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approval_days=None) | Q(approval_days__gte=1, approval_days__lte=LONGEST_APPROVAL_DAYS),
                name="organization_approval_days_in_range",
            ),
            models.CheckConstraint(
                condition=Q(rollback_hours=None) | Q(rollback_hours__gte=1, rollback_hours__lte=LONGEST_ROLLBACK_HOURS),
                name="organization_rollback_hours_in_range",
            ),
            models.CheckConstraint(
                condition=Q(run_days=None) | Q(run_days__gte=SHORTEST_RUN_DAYS, run_days__lte=LONGEST_RUN_DAYS),
                name="organization_run_days_in_range",
            ),
            models.CheckConstraint(
                condition=Q(every_value_needs_domains=False) | Q(production_needs_domains=True),
                name="organization_every_value_includes_production",
            ),
            models.CheckConstraint(
                condition=Q(agents_stopped_at=None, agents_stopped_by="", agents_stopped_why="")
                | ~(Q(agents_stopped_at=None) | Q(agents_stopped_by="") | Q(agents_stopped_why="")),
                name="organization_stop_has_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RetiredSlug(models.Model):
    """The slug of a deleted organization.

    It is never used again, so an old link cannot lead to another organization.
    """

    slug = models.CharField(primary_key=True, max_length=80)
    organization_id = models.UUIDField()
    retired_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """One person's role in one organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(role.value, role.label) for role in Role])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once_per_person"),
            models.CheckConstraint(condition=Q(role__in=[role.value for role in Role]), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.role}"


class Invitation(models.Model):
    """An open invitation of an e-mail address.

    It is deleted when accepted or withdrawn; the audit log keeps the record. Only a SHA-256 of the link's token is
    stored. The token has 256 random bits, so no slow hash is needed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=[(role.value, role.label) for role in Role])
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by_id = models.UUIDField(null=True)
    invited_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    renewed_at = models.DateTimeField(help_text="When the link that counts was made.")
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When the mail server took the mail.")
    awaits_owner = models.BooleanField(default=False, help_text="Staff made it: no link works before approval.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "email"], name="invitation_once_per_address"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitation_email_lower_case"),
            models.CheckConstraint(condition=Q(role__in=[role.value for role in Role]), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email}, {self.role}"

    token = ""  # of a link that was just made; never stored

    @property
    def name(self) -> str:
        """The address, as the audit log's name of an invitation."""
        return self.email


class AuditEvent(models.Model):
    """One recorded action, in ids and labels. Append-only: a trigger refuses every change (accounts/triggers.py).

    There are no foreign keys, because an event outlives the objects it describes. `chain` binds each event to the
    previous one of the same organization with a key that is not in the database; `key_id` says which
    (`accounts.audit.chain_keys`), and is null on events of versions without keys.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization_id = models.UUIDField()
    sequence = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    event = models.CharField(max_length=60)
    outcome = models.CharField(max_length=10)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    target_kind = models.CharField(max_length=20)
    target_id = models.UUIDField(null=True)
    target_label = models.CharField(max_length=150)
    environment = models.CharField(max_length=12, blank=True)
    address = models.GenericIPAddressField(null=True)
    data = models.JSONField(default=dict)
    key_id = models.UUIDField(null=True)
    chain = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="audit_event_sequence_once"),
        ]
        # One index for each filter of the log, in the log's order: every page costs the same (accounts/audit/log.py).
        indexes = [
            models.Index(fields=["organization_id", "created_at", "sequence"], name="audit_event_by_time"),
            models.Index(fields=["organization_id", "event", "created_at", "sequence"], name="audit_event_by_event"),
            *(
                models.Index(
                    fields=["organization_id", column, "created_at", "sequence"], name=f"audit_event_by_{column}"
                )
                for column in ("actor_id", "actor_label", "target_id", "target_label", "outcome")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.event}"


class AuditHead(models.Model):
    """The end of one organization's audit chain. Locking this row puts concurrent events in order."""

    organization_id = models.UUIDField(primary_key=True)
    sequence = models.PositiveBigIntegerField(default=0)
    chain = models.BinaryField(max_length=32, default=bytes)

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.sequence}"


class RefusedAttempts(models.Model):
    """A counter of one actor's refused attempts at one kind of action (`accounts.audit.refused_attempts`).

    `number` counts the attempts in `hour`, the last hour in which there was one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    actor_id = models.UUIDField()
    event = models.CharField(max_length=40)
    hour = models.DateTimeField()
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "actor_id", "event"], name="refused_attempts_counted_once")
        ]

    def __str__(self) -> str:
        return f"{self.event}, {self.number} times"


class IdempotentRequest(models.Model):
    """A request with an `Idempotency-Key`, which is not carried out twice (`accounts.access.idempotency`).

    Neither the key nor the request is stored: both columns are keyed hashes, whose key is not in the database. `status`
    is that of the answer; null while there is none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    lookup = models.CharField(max_length=64, unique=True, help_text="Of the organization, the caller and the key.")
    fingerprint = models.CharField(max_length=64, help_text="Of the request.")
    status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.status or 'unfinished'}, {self.created_at:%Y-%m-%d %H:%M}"
