"""What connections and actions were imported from."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0014_run_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiImport",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("form", models.CharField(max_length=20)),
                ("title", models.CharField(blank=True, max_length=100)),
                ("document_version", models.CharField(blank=True, max_length=40)),
                ("fingerprint", models.CharField(help_text="SHA-256 of the text.", max_length=64)),
                ("operations", models.JSONField(default=list)),
                ("secret_names", models.JSONField(default=dict)),
                ("connectors", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imports",
                        to="integrations.integration",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportedAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operation", models.TextField(help_text="Method and path.")),
                ("made", models.JSONField(default=dict)),
                (
                    "integration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imported_from",
                        to="integrations.integration",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="actions",
                        to="integrations.apiimport",
                    ),
                ),
            ],
        ),
    ]
