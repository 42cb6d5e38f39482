"""The triggers that keep what is joined inside one organization."""

from django.db import migrations

from integrations import triggers


def install(apps, schema_editor):
    for statement in triggers.install(triggers.RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.remove(triggers.RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
