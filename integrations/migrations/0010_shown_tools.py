"""When the tools of an MCP server were listed, and whether it has said since that they changed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0009_agent_tools"),
    ]

    operations = [
        migrations.CreateModel(
            name="ToolListing",
            fields=[
                (
                    "integration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="tool_listing",
                        serialize=False,
                        to="integrations.integration",
                    ),
                ),
                (
                    "environment",
                    models.CharField(blank=True, help_text="Of the last list; empty without one.", max_length=12),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        help_text="When housekeeping or a person last asked for the list.", null=True
                    ),
                ),
                ("listed_at", models.DateTimeField(null=True)),
                (
                    "announced_at",
                    models.DateTimeField(help_text="When the server said that its list has changed.", null=True),
                ),
            ],
        ),
    ]
