"""Where secrets are sent: a table that is derived from the configurations, filled for those that are stored."""

import django.db.models.deletion
from django.db import migrations, models

from accounts.errors import Invalid
from integrations import triggers
from integrations.inheritance import hosts_of_links


def install(apps, schema_editor):
    for statement in triggers.install(triggers.DESTINATION_RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.remove(triggers.DESTINATION_RULES)[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def fill(apps, schema_editor):
    """Store the destinations of every integration; one whose configuration nothing can read is never run either."""
    references = {}
    for pk, link in apps.get_model("integrations", "SecretReference").objects.values_list("pk", "integration_id"):
        references.setdefault(link, []).append(pk)
    rows = apps.get_model("integrations", "Integration").objects.order_by("pk")
    SecretDestination = apps.get_model("integrations", "SecretDestination")
    SecretDestination.objects.bulk_create(
        (
            SecretDestination(
                organization_id=row.organization_id, reference_id=reference, integration_id=row.pk, host=host
            )
            for row in rows.select_related("auth_connector", "connection__auth_connector")
            for link, host in _hosts(row).items()
            for reference in references.get(link, [])
        ),
        batch_size=500,
    )


def _hosts(row):
    try:
        return hosts_of_links(row)
    except Invalid:
        return {}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_refused_attempts"), ("integrations", "0006_mcp_tools")]

    operations = [
        migrations.CreateModel(
            name="SecretDestination",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "host",
                    models.CharField(
                        help_text="As `secrets_app.naming.hosts` spells it, without the port.", max_length=260
                    ),
                ),
                (
                    "integration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="destinations",
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
                    "reference",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="destinations",
                        to="integrations.secretreference",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "host"], name="secret_destination_by_host")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference", "integration", "host"), name="secret_destination_once"
                    ),
                    models.CheckConstraint(condition=models.Q(("host", ""), _negated=True), name="secret_destination_has_host"),
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(install, remove),
    ]
