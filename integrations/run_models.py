"""The records of runs."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When

from accounts.models import Organization
from integrations.querysets import RunQuerySet
from secrets_app.models import ENVIRONMENT_CHOICES


class RunOutcome(StrEnum):
    """How a run ended. One whose process ended before it did is `started` until it is closed as interrupted."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    UPSTREAM_ERROR = "upstream_error"
    REFUSED = "refused"
    FAILED = "failed"


class Run(models.Model):
    """The record of one run: caller, integration, environment, secrets and outcome.

    It holds ids and labels instead of foreign keys, so a record never prevents a deletion. It never holds a body, a
    query string or a rendered URL.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="runs")
    integration_id = models.UUIDField()
    integration_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    operation = models.CharField(max_length=60)
    note = models.CharField(max_length=200, blank=True, default="")
    environment = models.CharField(max_length=12, choices=ENVIRONMENT_CHOICES)
    caller_kind = models.CharField(max_length=10)
    caller_id = models.UUIDField(null=True)
    principal_id = models.UUIDField(
        null=True, help_text="The person, or the API key that a person made: of a session, the key behind it."
    )
    caller = models.CharField(max_length=254)
    outcome = models.CharField(max_length=15, default=RunOutcome.STARTED.value)
    error_code = models.CharField(max_length=40, blank=True)
    host = models.CharField(max_length=260, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    steps = models.JSONField(
        default=dict,
        db_default=Value("{}", models.JSONField()),
        help_text="Milliseconds by step; empty if not measured.",
    )
    address = models.CharField(max_length=64, blank=True, default="", db_default="")
    answer_bytes = models.PositiveBigIntegerField(null=True)
    sent_bytes = models.PositiveBigIntegerField(null=True, help_text="Of a body that was passed through.")
    first_byte_ms = models.PositiveIntegerField(null=True, help_text="To the head of an answer that flowed.")
    request_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    started_at = models.DateTimeField()
    failure = models.GeneratedField(
        expression=Case(When(outcome__in=["started", "succeeded"], then=None), default=F("outcome")),
        output_field=models.CharField(max_length=15, null=True),
        db_persist=True,
    )
    error_status = models.GeneratedField(
        expression=Case(When(status__gte=400, then=F("status")), default=None),
        output_field=models.PositiveSmallIntegerField(null=True),
        db_persist=True,
    )

    objects: ClassVar[RunQuerySet["Run"]] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=[outcome.value for outcome in RunOutcome]), name="run_outcome_known"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-started_at", "-id"], name="run_newest_first"),
            models.Index(fields=["integration_id", "-started_at", "-id"], name="run_of_integration"),
            # One for each filter of the list. A run that succeeds changes no column of any of them when it ends.
            models.Index(fields=["organization", "environment", "-started_at", "-id"], name="run_by_environment"),
            models.Index(fields=["organization", "principal_id", "-started_at", "-id"], name="run_by_principal"),
            models.Index(fields=["organization", "error_code", "-started_at", "-id"], name="run_by_code"),
            *(
                models.Index(
                    fields=["organization", column, "-started_at", "-id"],
                    condition=Q(**{f"{column}__isnull": False}),
                    name=f"run_by_{column}",
                )
                for column in ("failure", "error_status")
            ),
            models.Index(fields=["request_id", "organization"], name="run_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.integration_name}, {self.outcome}"


@dataclass(slots=True)
class BegunRun:
    """The row of a run that begins, with every column that the database does not make (`Run`).

    It takes a fraction of the time of an instance of the model.
    """

    id: uuid.UUID
    organization_id: uuid.UUID
    integration_id: uuid.UUID
    integration_name: str
    kind: str
    operation: str
    note: str
    environment: str
    caller_kind: str
    caller_id: uuid.UUID | None
    principal_id: uuid.UUID | None
    caller: str
    outcome: str
    error_code: str
    host: str
    duration_ms: int | None
    steps: dict[str, float]
    request_id: str
    started_at: datetime
    status: int | None = None
    address: str = ""
    answer_bytes: int | None = None
    sent_bytes: int | None = None
    first_byte_ms: int | None = None


class RunSecret(models.Model):
    """A secret that a run used, with its name and version at that time."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="secrets")
    secret_id = models.UUIDField()
    name = models.CharField(max_length=128)
    version = models.PositiveIntegerField()
    started_at = models.DateTimeField(help_text="The run's, so that one index answers a secret's uses by time.")

    class Meta:
        indexes = [models.Index(fields=["secret_id", "-started_at"], name="run_secret_by_time")]
        constraints = [models.UniqueConstraint(fields=["run", "secret_id"], name="run_secret_once")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class AnsweredNonce(models.Model):
    """How many times an integration has answered a nonce of a digest challenge.

    RFC 7616 requires a new count for each answer. The integration is a plain id, because a run may outlive it briefly.
    Only a hash of the nonce is stored.
    """

    integration_id = models.UUIDField()
    nonce_hash = models.CharField(max_length=64)
    count = models.PositiveBigIntegerField(default=0)
    last_used_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["integration_id", "nonce_hash"], name="answered_nonce_once"),
        ]

    def __str__(self) -> str:
        return f"answered {self.count} times"
