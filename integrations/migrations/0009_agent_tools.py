"""The tools of agents, under names that stay: those that agents know until now are kept.

Columns of integrations are added with SQL: on SQLite Django would build the table anew, which the triggers that name it
do not allow.
"""

import re
import uuid
from collections import Counter

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import accounts.common.fields
from accounts.errors import Invalid
from integrations import triggers
from integrations.inheritance import operations_of
from integrations.kinds import KINDS

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_MARK = len("_12345678")


def install(apps, schema_editor):
    for statements in (triggers.install(triggers.TOOL_RULES), _stamps()):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)


def _stamps():
    return triggers.install_stamps(triggers.TOOL_STAMP, triggers.TOOL_EVENTS)


def remove(apps, schema_editor):
    for statements in (triggers.remove_stamps(triggers.TOOL_EVENTS), triggers.remove(triggers.TOOL_RULES)):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)


def fill(apps, schema_editor):
    """Name the tools of each organization as the version before named them for a key that sees all."""
    Integration = apps.get_model("integrations", "Integration")
    AgentTool = apps.get_model("integrations", "AgentTool")
    groups = {}
    for row in Integration.objects.order_by("created_at", "pk"):
        kind = KINDS[row.kind]
        if not (kind.is_connector or kind.is_connection):
            groups.setdefault(row.organization_id, []).append(row)
    for rows in groups.values():
        operations = {row.pk: _operations(row) for row in rows}
        starts = {row.pk: _start(row, operations[row.pk]) for row in rows}
        names = {(row.pk, each): _name(row, starts[row.pk], each) for row in rows for each in operations[row.pk]}
        taken = Counter(name.lower() for name in names.values())
        shared = Counter(start.lower() for start in starts.values())
        for row in rows:
            mark = f"_{row.id.hex[:8]}"
            row.tool_name = starts[row.pk] + (mark if shared[starts[row.pk].lower()] > 1 else "")
            AgentTool.objects.bulk_create(
                AgentTool(
                    organization_id=row.organization_id,
                    integration=row,
                    operation=each,
                    name=names[row.pk, each] + (mark if taken[names[row.pk, each].lower()] > 1 else ""),
                )
                for each in operations[row.pk]
            )
        Integration.objects.bulk_update(rows, ["tool_name"], batch_size=500)
    Integration.objects.filter(kind="mcp_server").update(only_approved_tools=False)


def _operations(row):
    try:
        return list(operations_of(row))
    except Invalid:
        return []


def _start(row, operations):
    longest = 64 - _MARK - (0 if KINDS[row.kind].has_one_operation else max(map(len, operations), default=23) + 1)
    return _NOT_IN_NAMES.sub("_", row.name).strip("_").lower()[:longest] or row.kind


def _name(row, start, operation):
    return start if KINDS[row.kind].has_one_operation else f"{start}_{operation}"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_waiting_mail"),
        ("integrations", "0008_mask_stamps"),
        ("secrets_app", "0008_value_traits"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE integrations_integration ADD COLUMN tool_name varchar(64) NOT NULL DEFAULT ''",
                    "ALTER TABLE integrations_integration DROP COLUMN tool_name",
                ),
                migrations.RunSQL(
                    "ALTER TABLE integrations_integration ADD COLUMN only_approved_tools boolean NOT NULL DEFAULT true",
                    "ALTER TABLE integrations_integration DROP COLUMN only_approved_tools",
                ),
            ],
            state_operations=[
                migrations.AddField(
                    model_name="integration",
                    name="tool_name",
                    field=models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The name of its tool, or the start of their names.",
                        max_length=64,
                    ),
                ),
                migrations.AddField(
                    model_name="integration",
                    name="only_approved_tools",
                    field=models.BooleanField(
                        db_default=True,
                        default=True,
                        help_text="Whether agents get only those tools of an MCP server that a person approved.",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("ApprovedTool", "RemoteTool"),
                migrations.AlterModelTable("remotetool", "integrations_approvedtool"),
                migrations.RenameField("remotetool", "fingerprint", "approved_fingerprint"),
                migrations.AlterField(
                    model_name="remotetool",
                    name="approved_fingerprint",
                    field=models.CharField(
                        blank=True, db_column="fingerprint", help_text="Empty: not approved.", max_length=64
                    ),
                ),
                migrations.AlterField(
                    model_name="remotetool",
                    name="integration",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="remote_tools",
                        to="integrations.integration",
                    ),
                ),
                migrations.AlterField(
                    model_name="remotetool",
                    name="name",
                    field=models.CharField(help_text="At the server.", max_length=256),
                ),
                migrations.AlterField(
                    model_name="remotetool",
                    name="approved_by",
                    field=models.CharField(blank=True, max_length=254),
                ),
            ],
        ),
        migrations.AlterField("remotetool", "approved_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "remotetool",
            "shown_definition",
            accounts.common.fields.OrderedJSONField(
                help_text="Null: no listing showed it since it was approved.", null=True
            ),
        ),
        migrations.AddField(
            "remotetool",
            "shown_fingerprint",
            models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField("remotetool", "seen_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "remotetool",
            "gone_at",
            models.DateTimeField(help_text="When a listing first left it out.", null=True),
        ),
        migrations.AddField(
            "remotetool",
            "approved_definition",
            accounts.common.fields.OrderedJSONField(help_text="Null: approved before Coffer kept it.", null=True),
        ),
        migrations.CreateModel(
            name="AgentTool",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("operation", models.CharField(max_length=60)),
                ("name", models.CharField(max_length=64)),
                ("read_only", models.BooleanField(null=True)),
                ("destructive", models.BooleanField(null=True)),
                ("idempotent", models.BooleanField(null=True)),
                ("open_world", models.BooleanField(null=True)),
                (
                    "answer_fields",
                    models.CharField(blank=True, help_text="JMESPath; empty for the whole answer.", max_length=1000),
                ),
                (
                    "max_items",
                    models.PositiveIntegerField(help_text="Of each list of the answer; null for all.", null=True),
                ),
                ("max_characters", models.PositiveIntegerField(default=50000)),
                (
                    "integration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agent_tools",
                        to="integrations.integration",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "remote",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agent_tool",
                        to="integrations.remotetool",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "name"], name="agent_tool_by_name")],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        models.F("organization"),
                        name="agent_tool_name_once_per_organization",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("remote", None)),
                        fields=("integration", "operation"),
                        name="agent_tool_once_per_operation",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("name", ""), _negated=True), ("max_characters__gte", 1)),
                        name="agent_tool_can_answer",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ToolStamp",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.organization",
                    ),
                ),
                ("stamp", models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(install, remove),
    ]
