"""How many runs there were by hour and day, and how an integration fares in an environment."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from secrets_app.models import ENVIRONMENT_CHOICES


class Span(StrEnum):
    """How long the time is that a row counts: an hour, or a day of UTC."""

    HOUR = "hour"
    DAY = "day"


def _known_span(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(span__in=[span.value for span in Span]), name=name)


class RunCount(models.Model):
    """How many runs of an integration began in an hour or a day, by environment and outcome.

    Attributes:
        durations: how many of them took how long: the number of the class (`figures.durations`) and how many.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    span = models.CharField(max_length=4)
    starts_at = models.DateTimeField()
    integration_id = models.UUIDField(help_text="A plain id: an integration may be gone.")
    environment = models.CharField(max_length=12, choices=ENVIRONMENT_CHOICES)
    outcome = models.CharField(max_length=15)
    runs = models.PositiveIntegerField()
    durations = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "span", "starts_at", "integration_id", "environment", "outcome"],
                name="run_count_once",
            ),
            _known_span("run_count_span_known"),
        ]
        indexes = [models.Index(fields=["span", "starts_at"], name="run_count_by_age")]

    def __str__(self) -> str:
        return f"{self.runs} {self.outcome} in the {self.span} from {self.starts_at}"


class CallerCount(models.Model):
    """How many runs a caller began in an hour or a day. The sessions of an API key count as its own."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    span = models.CharField(max_length=4)
    starts_at = models.DateTimeField()
    caller_kind = models.CharField(max_length=10)
    caller_id = models.UUIDField(help_text="A plain id: a caller may be gone.")
    environment = models.CharField(max_length=12, choices=ENVIRONMENT_CHOICES)
    runs = models.PositiveIntegerField()
    last_at = models.DateTimeField(help_text="When the last of them began.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "span", "starts_at", "caller_kind", "caller_id", "environment"],
                name="caller_count_once",
            ),
            _known_span("caller_count_span_known"),
        ]
        indexes = [models.Index(fields=["span", "starts_at"], name="caller_count_by_age")]

    def __str__(self) -> str:
        return f"{self.runs} in the {self.span} from {self.starts_at}"


class RunsCounted(models.Model):
    """The full hour until which the runs of an organization are counted; later ones are counted when they are asked."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True, related_name="+")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.until}"


class IntegrationState(models.Model):
    """What the last run said of an integration in an environment that said anything: it works, or it fails.

    Attributes:
        since: the beginning of the first run of those that all said the same.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    integration = models.ForeignKey("integrations.Integration", on_delete=models.CASCADE, related_name="states")
    environment = models.CharField(max_length=12, choices=ENVIRONMENT_CHOICES)
    failing = models.BooleanField()
    error_code = models.CharField(max_length=40, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    run_id = models.UUIDField()
    seen_at = models.DateTimeField(help_text="The beginning of that run; up to a minute behind while nothing changes.")
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["integration", "environment"], name="integration_state_once"),
        ]
        indexes = [models.Index(fields=["organization", "failing"], name="integration_state_failing")]

    def __str__(self) -> str:
        return f"{'fails' if self.failing else 'works'} in {self.environment}"


class HiddenFirstSteps(models.Model):
    """An organization whose people do not want to be shown the first steps any more."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True, related_name="+")
    hidden_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"hidden at {self.hidden_at}"
