"""How many calls were let through lately, for the limits of rules."""

import uuid

from django.db import models

from accounts.common.fields import OrderedJSONField
from accounts.models import Organization


class CallCounter(models.Model):
    """What one limit has counted (`integrations.rules.counters`).

    `counts` holds a number by the start of each part of the span, in seconds since 1970.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=64, help_text="A hash of what is counted.")
    counts = OrderedJSONField(default=dict)
    used_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="call_counter_once")]

    def __str__(self) -> str:
        return self.name
