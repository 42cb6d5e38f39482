"""The tools of agents, the tools of MCP servers that are among them, and the stamp of what agents see."""

import uuid
from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.common.fields import OrderedJSONField
from accounts.models import Organization
from integrations.exchange.offered_tools import FINGERPRINT_LENGTH, MAX_NAME

TOOL_NAME_LENGTH = 64
"""The shortest limit among clients of MCP, which itself allows 128 characters."""


class ToolState(StrEnum):
    """What a person has to know of a tool of an MCP server: how it was shown last, beside what was approved."""

    CHANGED = "changed"
    NEW = "new"
    APPROVED = "approved"
    GONE = "gone"


class RemoteTool(models.Model):
    """A tool that a listing of an MCP server showed, as it was shown last and as a person approved it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    integration = models.ForeignKey("integrations.Integration", on_delete=models.CASCADE, related_name="remote_tools")
    name = models.CharField(max_length=MAX_NAME, help_text="At the server.")
    shown_definition = OrderedJSONField(null=True, help_text="Null: no listing showed it since it was approved.")
    shown_fingerprint = models.CharField(max_length=FINGERPRINT_LENGTH, blank=True, default="", db_default="")
    seen_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True, help_text="When a listing first left it out.")
    approved_definition = OrderedJSONField(null=True, help_text="Null: approved before Coffer kept it.")
    approved_fingerprint = models.CharField(
        max_length=FINGERPRINT_LENGTH, blank=True, db_column="fingerprint", help_text="Empty: not approved."
    )
    approved_by = models.CharField(max_length=254, blank=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "integrations_approvedtool"  # what it held before
        constraints = [models.UniqueConstraint(fields=["integration", "name"], name="tool_approved_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> ToolState:
        """The state. A tool that changed and went stays changed, so that it is not called as it was approved."""
        if self.approved_fingerprint and self.shown_fingerprint not in {"", self.approved_fingerprint}:
            return ToolState.CHANGED
        if self.gone_at:
            return ToolState.GONE
        return ToolState.APPROVED if self.approved_fingerprint else ToolState.NEW


class ToolListing(models.Model):
    """When the tools of an MCP server were asked for, and whether the server has said since that they changed."""

    integration = models.OneToOneField(
        "integrations.Integration", on_delete=models.CASCADE, primary_key=True, related_name="tool_listing"
    )
    environment = models.CharField(max_length=12, blank=True, help_text="Of the last list; empty without one.")
    asked_at = models.DateTimeField(null=True, help_text="When housekeeping or a person last asked for the list.")
    listed_at = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True, help_text="When the server said that its list has changed.")

    def __str__(self) -> str:
        return f"{self.environment}, {self.listed_at}"


class AgentTool(models.Model):
    """A tool of agents: an operation of an integration, or a tool of its MCP server, under a name that stays.

    A hint of None is as the kind proposes it, or the server says.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    integration = models.ForeignKey("integrations.Integration", on_delete=models.CASCADE, related_name="agent_tools")
    operation = models.CharField(max_length=60)
    remote = models.OneToOneField(RemoteTool, on_delete=models.CASCADE, null=True, related_name="agent_tool")
    name = models.CharField(max_length=TOOL_NAME_LENGTH)
    read_only = models.BooleanField(null=True)
    destructive = models.BooleanField(null=True)
    idempotent = models.BooleanField(null=True)
    open_world = models.BooleanField(null=True)
    answer_fields = models.CharField(max_length=1000, blank=True, help_text="JMESPath; empty for the whole answer.")
    max_items = models.PositiveIntegerField(null=True, help_text="Of each list of the answer; null for all.")
    max_characters = models.PositiveIntegerField(default=50_000)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), "organization", name="agent_tool_name_once_per_organization"),
            models.UniqueConstraint(
                fields=["integration", "operation"], condition=Q(remote=None), name="agent_tool_once_per_operation"
            ),
            models.CheckConstraint(condition=~Q(name="") & Q(max_characters__gte=1), name="agent_tool_can_answer"),
        ]
        indexes = [models.Index(fields=["organization", "name"], name="agent_tool_by_name")]

    def __str__(self) -> str:
        return self.name


class ToolStamp(models.Model):
    """Moves whenever what an organization's agents see of their tools may have changed. Only triggers write it."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True, related_name="+")
    stamp = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.stamp)
