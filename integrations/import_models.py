"""Models of imports: which description a connection and its actions were made from, so that they can be updated."""

import uuid

from django.db import models


class ApiImport(models.Model):
    """A description of an API that was imported. The text itself is not kept.

    `operations` are the keys of all operations that the description had, chosen or not; `secret_names` are the names
    that were chosen, by the names that were proposed; `connectors` has the id of the connector of each scheme.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey("integrations.Integration", on_delete=models.CASCADE, related_name="imports")
    form = models.CharField(max_length=20)
    title = models.CharField(max_length=100, blank=True)
    document_version = models.CharField(max_length=40, blank=True)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the text.")
    operations = models.JSONField(default=list)
    secret_names = models.JSONField(default=dict)
    connectors = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.title or self.form


class ImportedAction(models.Model):
    """An action, and the operation that it was made of.

    `made` has a hash for each field that the import wrote, so that an update knows what the API changed and what a
    person changed.
    """

    source = models.ForeignKey(ApiImport, on_delete=models.CASCADE, related_name="actions")
    integration = models.OneToOneField(
        "integrations.Integration", on_delete=models.CASCADE, related_name="imported_from"
    )
    operation = models.TextField(help_text="Method and path.")
    made = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.operation
