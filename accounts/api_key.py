"""API keys and sessions, the credentials of programs."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.common.bounds import CALLER_LENGTH, COST_DIGITS, COST_PLACES, WHY_LENGTH
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.common.fields import EnvironmentsField

USER_AGENT_LENGTH, CLIENT_LENGTH = 200, 100


class ApiKey(models.Model):
    """A program's credential. Only a SHA-256 of the key is stored: its 256 random bits need no slow hash.

    A *session* is a key that another key made for one run of an agent (`accounts.access.agent_sessions`). It is in
    force only while its parent is, has at most its parent's bounds, and always ends.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="api_keys")
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="sessions", db_index=False,
        help_text="The key that made this session; empty for a key that a person made.",
    )  # fmt: skip
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=15, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = models.JSONField(default=list)
    environments = EnvironmentsField(default=ALL_ENVIRONMENTS)
    integrations = models.JSONField(
        null=True, blank=True, help_text="Ids of the only integrations it may use; null for all."
    )
    secrets = models.JSONField(null=True, blank=True, help_text="Ids of those it may send somewhere new; null for all.")
    max_concurrent = models.PositiveSmallIntegerField(default=100, help_text="Calls at once, in each process.")
    max_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Null for no limit.")
    minute = models.DateTimeField(null=True, blank=True, help_text="The last one in which calls were counted.")
    minute_calls = models.PositiveIntegerField(default=0)
    daily_calls = models.PositiveIntegerField(null=True, blank=True, help_text="Its budget; null for none.")
    daily_cost = models.DecimalField(
        max_digits=COST_DIGITS,
        decimal_places=COST_PLACES,
        null=True,
        blank=True,
        help_text="Its budget; null for none.",
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(
        null=True, blank=True, help_text="It passed values as arguments, or a person stopped it; calls are refused."
    )
    stopped_by = models.CharField(
        max_length=CALLER_LENGTH, blank=True, default="", db_default="",
        help_text="Who stopped it; empty if nobody did, but the values among its arguments.",
    )  # fmt: skip
    stopped_why = models.CharField(max_length=WHY_LENGTH, blank=True, default="", db_default="")
    secrets_in_arguments = models.PositiveSmallIntegerField(
        default=0, help_text="Calls with a value among the arguments, since the last suspension was lifted."
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_address = models.GenericIPAddressField(null=True, blank=True)
    last_user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True, default="", db_default="")
    last_client = models.CharField(
        max_length=CLIENT_LENGTH, blank=True, default="", db_default="",
        help_text="What its MCP client calls itself; empty if it has not said.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+",
        help_text="Who made it and saw its text. It ends with that person's account; empty: made on the server.",
    )  # fmt: skip

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=Q(environments__gte=1, environments__lte=7), name="api_key_has_environment"
            ),
            models.CheckConstraint(
                condition=Q(max_concurrent__gte=1) & (Q(max_per_minute=None) | Q(max_per_minute__gte=1)),
                name="api_key_may_call",
            ),
            models.CheckConstraint(
                condition=Q(parent=None) | (~Q(expires_at=None) & Q(created_by=None)), name="api_key_session_ends"
            ),
            models.CheckConstraint(
                condition=Q(stopped_by="", stopped_why="")
                | ~(Q(suspended_at=None) | Q(stopped_by="") | Q(stopped_why="")),
                name="api_key_stop_has_who_and_why",
            ),
        ]
        indexes = [models.Index(fields=["parent", "-created_at", "-id"], name="api_key_sessions")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
