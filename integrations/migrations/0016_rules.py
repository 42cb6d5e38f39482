"""Rules of calls, and what their limits have counted."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import accounts.common.fields

ADD = "ALTER TABLE integrations_integration ADD COLUMN rules"
COLUMN = {
    "sqlite": f"{ADD} text DEFAULT '[]' NOT NULL CHECK (JSON_VALID(rules))",
    "postgresql": f"{ADD} json DEFAULT '[]' NOT NULL",
}


def add_column(apps, schema_editor):
    schema_editor.execute(COLUMN[schema_editor.connection.vendor])


def drop_column(apps, schema_editor):
    schema_editor.execute("ALTER TABLE integrations_integration DROP COLUMN rules")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_rules"),
        ("integrations", "0015_imports"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            # Django would make the table anew on SQLite, without its triggers.
            database_operations=[migrations.RunPython(add_column, drop_column)],
            state_operations=[
                migrations.AddField(
                    model_name="integration",
                    name="rules",
                    field=accounts.common.fields.OrderedJSONField(
                        db_default=models.Value("[]"),
                        default=list,
                        help_text="Rules of its calls (integrations/rules/shape.py).",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CallCounter",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(help_text="A hash of what is counted.", max_length=64)),
                ("counts", accounts.common.fields.OrderedJSONField(default=dict)),
                ("used_at", models.DateTimeField(db_index=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("organization", "name"), name="call_counter_once")],
            },
        ),
    ]
