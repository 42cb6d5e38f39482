"""The model of the outbox (`accounts.mail.outbox`)."""

import uuid

from django.db import models
from django.db.models import Q


class WaitingMail(models.Model):
    """A mail that the mail server did not take. It is deleted when it is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    about = models.CharField(max_length=60)
    to = models.EmailField()
    subject = models.CharField(max_length=400)
    paragraphs = models.JSONField(help_text="Empty for an invitation, whose text with the link is never stored.")
    invitation = models.ForeignKey("accounts.Invitation", null=True, on_delete=models.CASCADE, related_name="+")
    attempts = models.PositiveSmallIntegerField()
    next_at = models.DateTimeField(null=True, help_text="When the next attempt is due; null: it failed for good.")
    problem = models.CharField(max_length=100, help_text="The kind of the last refusal.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="waiting_mail_due")]
        verbose_name_plural = "waiting mail"

    def __str__(self) -> str:
        return f"{self.about}, {self.to}"
