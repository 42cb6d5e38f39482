"""A connection that actions take their address from, and the trigger that keeps both in one organization.

On the way back SQLite builds the table anew, which the triggers that name it do not allow: they are removed for that
time. The table's own go with it.
"""

import django.db.models.deletion
from django.db import migrations, models

from integrations import triggers


def install(apps, schema_editor):
    for statement in triggers.install(triggers.CONNECTION_RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.remove(triggers.CONNECTION_RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def without_rules(apps, schema_editor):
    for statement in triggers.remove(triggers.RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def with_rules(apps, schema_editor):
    for statement in triggers.install(triggers.RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_rotation")]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, with_rules),
        migrations.AddField(
            model_name="integration",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="actions",
                to="integrations.integration",
            ),
        ),
        migrations.RunPython(install, remove),
        migrations.RunPython(migrations.RunPython.noop, without_rules),
    ]
