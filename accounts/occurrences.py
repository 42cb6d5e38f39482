"""Occurrences: what happened without anybody acting, and is therefore not in the audit log.

An integration begins to fail, a secret is due for rotation, an API key is used for the first time. An occurrence is
written in the transaction in which it is noticed, and kept until it was passed on (`integrations.alerts`) and for some
days after that. It holds ids and names, never a value.
"""

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone

ONCE_LENGTH = 300


class Occurred(StrEnum):
    """What can occur, as `object.what`."""

    API_KEY_FIRST_USED = "api_key.first_used"
    AUDIT_HEAD = "audit.head"
    BUDGET_NEARLY_SPENT = "budget.nearly_spent"
    BUDGET_SPENT = "budget.spent"
    INTEGRATION_FAILING = "integration.failing"
    INTEGRATION_RECOVERED = "integration.recovered"
    RUN_REFUSED_DOMAIN = "run.refused_domain"
    SECRET_DUE = "secret.due"
    SECRET_EXPIRING = "secret.expiring"
    SECRET_MISSING = "secret.missing"


class Occurrence(models.Model):
    """Something that occurred. `once` is what must not occur twice, such as a host that was refused in this hour."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="occurrences")
    type = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    once = models.CharField(max_length=ONCE_LENGTH, blank=True)
    created_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True, help_text="When it was passed on to who wants to know.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "once"], condition=Q(once__gt=""), name="occurrence_once"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "created_at"], condition=Q(taken_at__isnull=True), name="occurrence_waiting"
            ),
            models.Index(fields=["created_at"], name="occurrence_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type}, {self.created_at:%Y-%m-%d %H:%M}"


def record(organization_id: UUID, type: Occurred, data: Mapping[str, Any], *, once: str = "") -> None:  # noqa: A002
    """Write down that something occurred, in the transaction of the caller if there is one, in one statement.

    Args:
        organization_id: whose occurrence it is.
        type: what occurred.
        data: ids, names and codes as JSON; never a value. An object is `{"id": …, "name": …}` under the name of its
            kind: `integration`, `secret`, `api_key`.
        once: a key of what must be told only once, such as `<integration>:<host>:<hour>`; a second one is dropped.
    """
    key = f"{type.value}:{once}"[:ONCE_LENGTH] if once else ""
    occurrence = Occurrence(
        organization_id=organization_id, type=type.value, data=dict(data), once=key, created_at=timezone.now()
    )
    Occurrence.objects.bulk_create([occurrence], ignore_conflicts=bool(once))
