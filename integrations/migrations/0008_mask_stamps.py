"""The stamp that tells whether an index of an organization's values still holds, moved by triggers."""

import django.db.models.deletion
from django.db import migrations, models

from integrations import triggers


def install(apps, schema_editor):
    for statement in triggers.install_stamps()[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.remove_stamps()[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_suspended_api_keys"),
        ("integrations", "0007_destinations"),
        ("secrets_app", "0007_identifiers"),
    ]

    operations = [
        migrations.CreateModel(
            name="MaskStamp",
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
        migrations.RunPython(install, remove),
    ]
