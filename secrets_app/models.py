"""Models of named secrets, their sealed values, and the keys that seal them.

No model has a plaintext attribute. A value arrives as `Plaintext`, is sealed by `secrets_app.sealing.keyring`, and is
opened only in `secrets_app.sealing.resolver`.
"""

import uuid
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower

from accounts.common.environments import Environment
from accounts.common.fields import EnvironmentsField
from accounts.models import Organization
from secrets_app.naming import names
from secrets_app.querysets import OrganizationKeyQuerySet, SecretQuerySet, SecretValueQuerySet
from secrets_app.sealed_text import SealedText  # noqa: F401 - Django finds models here

ENVIRONMENT_CHOICES = [(environment.value, environment.label) for environment in Environment]


class KeyState(StrEnum):
    """What a data key may still do: seal and open, open only, or neither."""

    ACTIVE = "active"
    RETIRING = "retiring"
    DESTROYED = "destroyed"


class ValueState(StrEnum):
    """The stage of a value's life cycle (docs/concepts.md, "Rotation")."""

    STAGED = "staged"
    CURRENT = "current"
    PREVIOUS = "previous"
    DESTROYED = "destroyed"


class OrganizationKey(models.Model):
    """A data key, wrapped by a master key. The data key of the installation has no organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="data_keys")
    wrapped = models.BinaryField(null=True)
    master_key_id = models.CharField(max_length=40)
    state = models.CharField(max_length=10, default=KeyState.ACTIVE.value)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[OrganizationKeyQuerySet] = OrganizationKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], condition=Q(state="active"), name="organization_key_one_active"
            ),
            models.UniqueConstraint(
                fields=["state"],
                condition=Q(state="active", organization=None),
                name="organization_key_one_installation",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in KeyState]), name="organization_key_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="destroyed", wrapped=None) | (~Q(state="destroyed") & Q(wrapped__isnull=False)),
                name="organization_key_wrapped_until_destroyed",
            ),
        ]

    def __str__(self) -> str:
        return f"data key {self.id}"


class MasterKeyCanary(models.Model):
    """What a master key sealed when it was first used. A key of the same id that does not open it is another key."""

    master_key_id = models.CharField(primary_key=True, max_length=64)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"canary of {self.master_key_id}"


class Secret(models.Model):
    """A secret that integrations refer to by name. Its values are separate rows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=names.MAX_LENGTH)
    description = models.CharField(max_length=500, blank=True)
    enabled = models.BooleanField(default=True)
    allowed_domains = models.JSONField(default=list, blank=True)
    is_identifier = models.BooleanField(
        default=False, db_default=False, help_text="Everybody may see it, such as an account id, so it is not masked."
    )
    rotate_every_days = models.PositiveIntegerField(null=True, blank=True)
    expires_on = models.DateField(
        null=True, blank=True, help_text="The last day (UTC) on which the provider accepts its values."
    )
    required_in = EnvironmentsField(
        default=frozenset,
        db_default=Value(0),
        help_text="Where it has to have a value, whether anything refers to it or not.",
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    objects: ClassVar[SecretQuerySet["Secret"]] = SecretQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), "organization", name="secret_name_once_per_organization"),
            models.CheckConstraint(condition=Q(name__regex=names.PATTERN), name="secret_name_valid"),
            models.CheckConstraint(
                condition=Q(rotate_every_days=None) | Q(rotate_every_days__gte=1),
                name="secret_rotates_after_a_day_or_more",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "name"], name="secret_by_name"),
            models.Index(fields=["organization", "last_used_at", "name"], name="secret_by_last_use"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """The placeholder for this secret, such as `{secrets.crm.apiKey}`."""
        return f"{{secrets.{self.name}}}"


class SecretValue(models.Model):
    """A sealed value of a secret in one environment.

    The sealed bytes are bound to the organization, secret, environment, version, data key and allowed domains
    (docs/crypto.md, "What is bound").
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="values")
    environment = models.CharField(max_length=12, choices=ENVIRONMENT_CHOICES)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, default=ValueState.CURRENT.value)
    sealed = models.BinaryField(null=True)
    data_key = models.ForeignKey(OrganizationKey, on_delete=models.RESTRICT, related_name="values")
    unreadable = models.BooleanField(default=False, help_text="It failed to open; a new value is needed.")
    traits = models.SmallIntegerField(null=True, help_text="What no header could carry; null if it is not known.")
    entered_once = models.UUIDField(
        null=True, help_text="The same id on values that were entered as one value for all environments."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by_id = models.UUIDField(null=True)
    created_by = models.CharField(max_length=254)
    retired_at = models.DateTimeField(null=True, help_text="When a promotion made it the previous value.")
    retired_by = models.CharField(max_length=254, blank=True)
    rollback_until = models.DateTimeField(
        null=True, help_text="From then on a previous value is refused and destroyed."
    )

    objects: ClassVar[SecretValueQuerySet] = SecretValueQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["secret", "environment", "version"], name="secret_value_version_once"),
            models.UniqueConstraint(
                fields=["secret", "environment"], condition=Q(state="current"), name="secret_value_one_current"
            ),
            models.UniqueConstraint(
                fields=["secret", "environment"], condition=Q(state="staged"), name="secret_value_one_staged"
            ),
            models.UniqueConstraint(
                fields=["secret", "environment"], condition=Q(state="previous"), name="secret_value_one_previous"
            ),
            models.CheckConstraint(
                condition=~Q(state="previous") | Q(retired_at__isnull=False, rollback_until__isnull=False),
                name="secret_value_previous_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(environment__in=[environment.value for environment in Environment]),
                name="secret_value_environment_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ValueState]), name="secret_value_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="destroyed", sealed=None) | (~Q(state="destroyed") & Q(sealed__isnull=False)),
                name="secret_value_sealed_until_destroyed",
            ),
        ]
        indexes = [
            models.Index(fields=["rollback_until"], condition=Q(state="previous"), name="secret_value_to_be_destroyed")
        ]

    def __str__(self) -> str:
        return f"{self.environment} value, version {self.version}"


class RequestState(StrEnum):
    """The state of a request for a secret."""

    OPEN = "open"
    ANSWERED = "answered"
    DISMISSED = "dismissed"


class SecretRequest(models.Model):
    """A member's request for a secret that does not exist yet. It has no field for a value."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="secret_requests")
    name = models.CharField(max_length=names.MAX_LENGTH)
    environments = EnvironmentsField()
    why = models.CharField(max_length=500)
    state = models.CharField(max_length=10, default=RequestState.OPEN.value)
    asked_by_id = models.UUIDField()
    asked_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    answered_by = models.CharField(max_length=254, blank=True)
    answered_at = models.DateTimeField(null=True)
    secret = models.ForeignKey(Secret, on_delete=models.SET_NULL, null=True, related_name="requests")
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was dismissed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"), "organization", condition=Q(state="open"), name="secret_request_open_once"
            ),
            models.CheckConstraint(condition=Q(name__regex=names.PATTERN), name="secret_request_name_valid"),
            models.CheckConstraint(
                condition=Q(environments__gte=1, environments__lte=7), name="secret_request_has_environment"
            ),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None)
                | Q(state__in=["answered", "dismissed"], answered_at__isnull=False),
                name="secret_request_answered_or_open",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "state", "created_at", "id"], name="secret_request_by_state"),
            models.Index(fields=["organization", "asked_by_id", "created_at", "id"], name="secret_request_by_person"),
        ]

    def __str__(self) -> str:
        return f"request for {self.name}"


class RotationReminder(models.Model):
    """A record that the mail about an overdue rotation was sent, kept so that it is sent once for each due date."""

    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="reminders")
    due_at = models.DateTimeField()
    told_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["secret", "due_at"], name="rotation_reminder_once")]

    def __str__(self) -> str:
        return f"due {self.due_at}"


class ReferenceToSecret(models.Model):
    """The fields of a reference to a secret, declared in this app so that its queries can count usage.

    `integrations` defines the concrete model, `SecretReference`. `secret` is null while no secret has this name.
    `needed_in` holds the environments in which the reference is live: its integration is enabled and runs there. The
    rows `destinations` name the integrations that send the secret; `sending` selects those that agents call.
    """

    sending: ClassVar[Q]

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    secret = models.ForeignKey(Secret, on_delete=models.RESTRICT, null=True, related_name="references")
    name = models.CharField(max_length=names.MAX_LENGTH)
    slot = models.CharField(max_length=150)
    needed_in = EnvironmentsField(default=frozenset)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


def reference_model() -> type[models.Model]:
    """Return the concrete subclass of `ReferenceToSecret`, which `integrations` defines."""
    return Secret._meta.get_field("references").related_model
