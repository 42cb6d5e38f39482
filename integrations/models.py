"""Integrations, their references to secrets, their tools, and the records of runs and checks."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower

from accounts.common.bounds import CALLER_LENGTH, COST_DIGITS, COST_PLACES, WHY_LENGTH
from accounts.common.environments import Environment, in_order
from accounts.common.fields import EnvironmentsField, OrderedJSONField
from accounts.models import Organization
from integrations.alert_models import AlertEndpoint, Delivery, DeliveryState, DeliveryTry, EndpointKind, Pause, Watch
from integrations.approval_models import Approval, ApprovalState, WhenApproved
from integrations.figure_models import CallerCount, HiddenFirstSteps, IntegrationState, RunCount, RunsCounted, Span
from integrations.import_models import ApiImport, ImportedAction
from integrations.kinds import KINDS
from integrations.kinds.base import slot_label
from integrations.querysets import IntegrationQuerySet
from integrations.rule_models import CallCounter
from integrations.run_models import AnsweredNonce, BegunRun, Run, RunOutcome, RunSecret
from integrations.tool_models import TOOL_NAME_LENGTH, AgentTool, RemoteTool, ToolListing, ToolStamp
from secrets_app.models import ReferenceToSecret, SecretValue

__all__ = [
    "AgentTool", "AlertEndpoint", "AnsweredNonce", "ApiImport", "Approval", "ApprovalState", "BegunRun", "CallCounter",
    "CallerCount", "Delivery", "DeliveryState", "DeliveryTry", "EndpointKind", "HiddenFirstSteps", "ImportedAction",
    "Integration", "IntegrationState", "MaskStamp", "Pause", "RemoteTool", "RotationCheck", "Run", "RunCount",
    "RunOutcome", "RunSecret", "RunsCounted", "SecretDestination", "SecretReference", "Span", "ToolListing",
    "ToolStamp", "Watch", "WhenApproved",
]  # fmt: skip


class Integration(models.Model):
    """A configured integration. Its kind checks `config`, which never holds the value of a secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="integrations")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    tool_name = models.CharField(
        max_length=TOOL_NAME_LENGTH, blank=True, default="", db_default="",
        help_text="The name of its tool, or the start of their names.",
    )  # fmt: skip
    only_approved_tools = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Whether agents get only those tools of an MCP server that a person approved.",
    )
    enabled = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_by = models.CharField(max_length=CALLER_LENGTH, blank=True, default="", db_default="")
    disabled_why = models.CharField(max_length=WHY_LENGTH, blank=True, default="", db_default="")
    daily_calls = models.PositiveIntegerField(null=True, blank=True, help_text="Its budget; null for none.")
    daily_cost = models.DecimalField(
        max_digits=COST_DIGITS,
        decimal_places=COST_PLACES,
        null=True,
        blank=True,
        help_text="Its budget; null for none.",
    )
    costs = OrderedJSONField(
        default=dict, db_default=Value("{}"), help_text="What its operations cost (integrations/budgets/costs.py)."
    )
    environments = EnvironmentsField(default=frozenset)
    config = OrderedJSONField(default=dict)
    rules = OrderedJSONField(
        default=list,
        db_default=Value("[]"),
        help_text="Rules of its calls (integrations/rules/shape.py).",
    )
    auth_connector = models.ForeignKey("self", on_delete=models.RESTRICT, null=True, blank=True, related_name="users")
    connection = models.ForeignKey("self", on_delete=models.RESTRICT, null=True, blank=True, related_name="actions")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    objects: ClassVar[IntegrationQuerySet["Integration"]] = IntegrationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), "organization", name="integration_name_once_per_organization"),
            models.CheckConstraint(
                condition=Q(environments__gte=0, environments__lte=7), name="integration_environments_known"
            ),
        ]
        indexes = [models.Index(fields=["organization", "kind", "name"], name="integration_by_kind_and_name")]

    def __str__(self) -> str:
        return self.name


class SecretReference(ReferenceToSecret):
    """A slot of an integration that uses a secret. References are derived from the configuration."""

    sending = Q(destinations__integration__kind__in=[name for name, kind in KINDS.items() if not kind.is_shared])

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="references")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["integration", "slot", "name"], name="secret_reference_once_per_slot"),
        ]
        indexes = [
            models.Index(fields=["organization", "name"], condition=Q(secret=None), name="secret_reference_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.slot} uses {self.name}"

    @property
    def integration_name(self) -> str:
        """The name of the integration."""
        return self.integration.name

    @property
    def icon(self) -> str:
        """The symbol of the integration's kind."""
        return KINDS[self.integration.kind].icon

    @property
    def slot_label(self) -> str:
        """The slot in words: `Header · Authorization`."""
        return slot_label(self.slot)

    @property
    def environments(self) -> list[Environment]:
        """The environments in which the integration runs, in order."""
        return in_order(self.integration.environments)


class SecretDestination(models.Model):
    """A host that a run or a check of an integration sends the secret of a reference to.

    The reference may belong to the integration itself or to its connection or connector. Rows are derived together with
    the references (`integrations.references.destinations`), whether the integration is enabled or not.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    reference = models.ForeignKey(SecretReference, on_delete=models.CASCADE, related_name="destinations")
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="destinations")
    host = models.CharField(max_length=260, help_text="As `secrets_app.naming.hosts` spells it, without the port.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference", "integration", "host"], name="secret_destination_once"),
            models.CheckConstraint(condition=~Q(host=""), name="secret_destination_has_host"),
        ]
        indexes = [models.Index(fields=["organization", "host"], name="secret_destination_by_host")]

    def __str__(self) -> str:
        return self.host


class MaskStamp(models.Model):
    """Moves whenever an organization stores a value or sends one somewhere else, so that indexes of values are renewed.

    Only triggers write it (`integrations.triggers`), so no code can forget to.
    """

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True, related_name="+")
    stamp = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.stamp)


class RotationCheck(models.Model):
    """The result of checking a staged value on one reference. A new staged value starts without results.

    The reference is a plain id, because an integration may change or be deleted during the check. No response is
    stored.
    """

    value = models.ForeignKey(SecretValue, on_delete=models.CASCADE, related_name="+")
    reference_id = models.UUIDField()
    outcome = models.CharField(max_length=15)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField()
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["value", "reference_id"], name="rotation_check_once_per_reference"),
            models.CheckConstraint(
                condition=Q(outcome__in=["passed", "failed", "not_checkable"]), name="rotation_check_outcome_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, {self.checked_at}"
