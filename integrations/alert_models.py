"""Models of alerts: who hears of what, what waits to be delivered, and each try."""

import uuid
from enum import StrEnum

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from secrets_app.models import SealedText

LABEL_LENGTH = 120


class EndpointKind(StrEnum):
    """How an endpoint is told."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    EMAIL = "email"
    AUDIT_LINES = "audit_lines"
    AUDIT_OTLP = "audit_otlp"

    @property
    def is_signed(self) -> bool:
        """Whether its requests carry a signature, so that it has a signing secret."""
        return self in {EndpointKind.WEBHOOK, EndpointKind.AUDIT_LINES, EndpointKind.AUDIT_OTLP}

    @property
    def is_stream(self) -> bool:
        """Whether it gets the audit log instead of chosen events."""
        return self in {EndpointKind.AUDIT_LINES, EndpointKind.AUDIT_OTLP}

    @property
    def is_channel(self) -> bool:
        """Whether people read it."""
        return self in {EndpointKind.SLACK, EndpointKind.TEAMS, EndpointKind.EMAIL}


class Pause(StrEnum):
    """Why an endpoint gets nothing; what happens meanwhile waits."""

    NONE = ""
    PERSON = "person"
    FAILURES = "failures"
    GONE = "gone"


class AlertEndpoint(models.Model):
    """Where the events of an organization go.

    `url` is shown to owners and admins. The address of a Slack or Teams channel is a credential: it is sealed, and
    only its host is shown. `audit_sequence` is the last entry of the audit log that was looked at.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="alert_endpoints")
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in EndpointKind])
    name = models.CharField(max_length=LABEL_LENGTH)
    url = models.CharField(max_length=2048, blank=True)
    host = models.CharField(max_length=255, blank=True)
    address = models.ForeignKey(SealedText, on_delete=models.RESTRICT, null=True, blank=True, related_name="+")
    authorization = models.ForeignKey(SealedText, on_delete=models.RESTRICT, null=True, blank=True, related_name="+")
    recipients = models.JSONField(default=list, help_text="E-mail addresses; empty for owners and admins.")
    is_digest = models.BooleanField(default=False, help_text="E-mail once a day instead of at once.")
    events = models.JSONField(default=list)
    after_minutes = models.PositiveSmallIntegerField(
        default=0, help_text="How long a state of an integration has to last before it is told."
    )
    signing = models.ForeignKey(SealedText, on_delete=models.RESTRICT, null=True, blank=True, related_name="+")
    signing_before = models.ForeignKey(SealedText, on_delete=models.RESTRICT, null=True, blank=True, related_name="+")
    signing_before_until = models.DateTimeField(null=True, blank=True)
    paused = models.CharField(max_length=10, blank=True, default=Pause.NONE.value)
    audit_sequence = models.PositiveBigIntegerField(default=0)
    last_number = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=40, blank=True, help_text="The code or status of the last failure.")
    next_try_at = models.DateTimeField(null=True, blank=True, help_text="Null: at once.")
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="A process delivers until then.")
    created_by_id = models.UUIDField(null=True, blank=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in EndpointKind]), name="alert_endpoint_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(paused__in=[pause.value for pause in Pause]), name="alert_endpoint_pause_known"
            ),
            models.CheckConstraint(
                condition=Q(kind="email") | Q(kind__in=["slack", "teams"], address__isnull=False) | ~Q(url=""),
                name="alert_endpoint_has_an_address",
            ),
            models.CheckConstraint(
                condition=Q(signing_before=None) | Q(signing_before_until__isnull=False),
                name="alert_endpoint_old_secret_ends",
            ),
        ]
        indexes = [models.Index(fields=["organization", "created_at"], name="alert_endpoint_in_order")]

    def __str__(self) -> str:
        return self.name


class DeliveryState(StrEnum):
    """Whether an event still waits."""

    WAITING = "waiting"
    DELIVERED = "delivered"


class Delivery(models.Model):
    """One event for one endpoint. `number` is its place in the endpoint's order.

    `body` is what is sent, the same bytes each time. A batch of the audit log has no body: `first` and `last` say which
    entries it is, and those never change.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(AlertEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    number = models.PositiveBigIntegerField()
    event_id = models.CharField(max_length=60, help_text="The same for each try and each endpoint.")
    type = models.CharField(max_length=60)
    about = models.CharField(max_length=150, blank=True)
    body = models.TextField(blank=True)
    first = models.PositiveBigIntegerField(null=True, blank=True)
    last = models.PositiveBigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, default=DeliveryState.WAITING.value)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "number"], name="delivery_number_once"),
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="delivery_event_once"),
            models.CheckConstraint(
                condition=Q(state="waiting", delivered_at=None) | Q(state="delivered", delivered_at__isnull=False),
                name="delivery_state_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(first=None, last=None) | Q(first__gte=1, last__gte=models.F("first")),
                name="delivery_batch_in_order",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "number"], condition=Q(state="waiting"), name="delivery_waiting"),
            models.Index(fields=["created_at"], name="delivery_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type}, {self.number}"


class DeliveryTry(models.Model):
    """One attempt at a delivery. Nothing that the receiver sent is kept but its status."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True, help_text="Why it failed; empty if it did not.")
    duration_ms = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "delivery tries"
        indexes = [models.Index(fields=["delivery", "-at"], name="delivery_try_latest")]

    def __str__(self) -> str:
        return f"{self.status or self.code}, {self.at:%Y-%m-%d %H:%M}"

    @property
    def is_success(self) -> bool:
        """Whether the receiver took it; a mail counts as taken when it waits for the mail server."""
        return not self.code


class Watch(models.Model):
    """A state that an endpoint is told of only once it has lasted: an integration that fails, a secret without a value.

    `told` is what the endpoint was told last; empty while it is as it should be.
    """

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(AlertEndpoint, on_delete=models.CASCADE, related_name="watches")
    subject = models.CharField(max_length=100)
    state = models.CharField(max_length=60)
    told = models.CharField(max_length=60, blank=True)
    since = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "watches"
        constraints = [models.UniqueConstraint(fields=["endpoint", "subject"], name="watch_once")]

    def __str__(self) -> str:
        return f"{self.subject}, {self.state}"
