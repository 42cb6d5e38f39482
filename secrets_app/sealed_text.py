"""The model of a sealed text that is no value of a secret (`secrets_app.sealing.sealed_texts`)."""

import uuid

from django.db import models


class SealedText(models.Model):
    """A text that belongs to something in an organization, such as the signing secret of a webhook.

    The sealed bytes are bound to the organization, purpose, owner, this row and its data key (docs/crypto.md, "What is
    bound"), so that they do not open in another place.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="sealed_texts")
    purpose = models.CharField(max_length=40)
    owner_id = models.UUIDField(help_text="What it belongs to.")
    sealed = models.BinaryField()
    data_key = models.ForeignKey("secrets_app.OrganizationKey", on_delete=models.RESTRICT, related_name="texts")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.purpose} of {self.owner_id}"
