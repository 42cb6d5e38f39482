"""How long the arguments of a call that was held are kept."""

from django.db import migrations, models

from accounts import triggers


def without_triggers(apps, schema_editor):
    for statement in triggers.REMOVE_OWNER[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def with_triggers(apps, schema_editor):
    for statement in triggers.INSTALL_OWNER[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_stops"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="approval_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="How long the arguments of a decided call are kept; null for seven days.",
                null=True,
            ),
        ),
        migrations.RunPython(without_triggers, with_triggers),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approval_days", None),
                    models.Q(("approval_days__gte", 1), ("approval_days__lte", 365)),
                    _connector="OR",
                ),
                name="organization_approval_days_in_range",
            ),
        ),
        migrations.RunPython(with_triggers, without_triggers),
    ]
