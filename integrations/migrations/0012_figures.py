"""Counts of runs by hour and day, and how each integration fares, which the runs of before are asked for."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

LOOKED_AT_MOST = 100
"""How many of the newest runs of an integration are asked."""
SILENT = {
    "cancelled", "interrupted", "internal_error", "unauthenticated", "integration_disabled", "rate_limited",
    "out_of_resources",
}  # fmt: skip
MENDED = {"secret_missing", "secret_disabled", "key_unavailable", "domain_not_allowed", "egress_denied"}


def failing(run):
    """As `integrations.health.judging` says it."""
    if run.outcome == "succeeded":
        return False
    if run.outcome == "upstream_error":
        return run.status is not None and (run.status >= 500 or run.status in {401, 403, 407})
    if run.outcome == "refused":
        return True if run.error_code in MENDED else None
    return True if run.outcome == "failed" and run.error_code not in SILENT else None


def keep_states(apps, schema_editor):  # noqa: ARG001 - Django passes both
    """Keep what the newest run of each integration and environment said that said anything."""
    Integration = apps.get_model("integrations", "Integration")
    Run = apps.get_model("integrations", "Run")
    IntegrationState = apps.get_model("integrations", "IntegrationState")
    for integration_id, organization_id in Integration.objects.values_list("pk", "organization"):
        newest = Run.objects.filter(integration_id=integration_id).order_by("-started_at", "-id")[:LOOKED_AT_MOST]
        found = {}
        for run in newest:
            if run.environment not in found and (fails := failing(run)) is not None:
                found[run.environment] = IntegrationState(
                    organization_id=organization_id, integration_id=integration_id, environment=run.environment,
                    failing=fails, error_code=run.error_code if fails else "", status=run.status if fails else None,
                    run_id=run.pk, seen_at=run.started_at, since=run.started_at,
                )  # fmt: skip
        IntegrationState.objects.bulk_create(found.values())


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_session_index"),
        ("integrations", "0011_run_steps"),
    ]

    operations = [
        migrations.CreateModel(
            name="HiddenFirstSteps",
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
                ("hidden_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="RunsCounted",
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
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="CallerCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("span", models.CharField(max_length=4)),
                ("starts_at", models.DateTimeField()),
                ("caller_kind", models.CharField(max_length=10)),
                ("caller_id", models.UUIDField(help_text="A plain id: a caller may be gone.")),
                (
                    "environment",
                    models.CharField(
                        choices=[("development", "Development"), ("staging", "Staging"), ("production", "Production")],
                        max_length=12,
                    ),
                ),
                ("runs", models.PositiveIntegerField()),
                ("last_at", models.DateTimeField(help_text="When the last of them began.")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["span", "starts_at"], name="caller_count_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "span", "starts_at", "caller_kind", "caller_id", "environment"),
                        name="caller_count_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("span__in", ["hour", "day"])), name="caller_count_span_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IntegrationState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "environment",
                    models.CharField(
                        choices=[("development", "Development"), ("staging", "Staging"), ("production", "Production")],
                        max_length=12,
                    ),
                ),
                ("failing", models.BooleanField()),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("run_id", models.UUIDField()),
                (
                    "seen_at",
                    models.DateTimeField(
                        help_text="The beginning of that run; up to a minute behind while nothing changes."
                    ),
                ),
                ("since", models.DateTimeField()),
                (
                    "integration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="states",
                        to="integrations.integration",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "failing"], name="integration_state_failing")],
                "constraints": [
                    models.UniqueConstraint(fields=("integration", "environment"), name="integration_state_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RunCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("span", models.CharField(max_length=4)),
                ("starts_at", models.DateTimeField()),
                ("integration_id", models.UUIDField(help_text="A plain id: an integration may be gone.")),
                (
                    "environment",
                    models.CharField(
                        choices=[("development", "Development"), ("staging", "Staging"), ("production", "Production")],
                        max_length=12,
                    ),
                ),
                ("outcome", models.CharField(max_length=15)),
                ("runs", models.PositiveIntegerField()),
                ("durations", models.JSONField(default=dict)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["span", "starts_at"], name="run_count_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "span", "starts_at", "integration_id", "environment", "outcome"),
                        name="run_count_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("span__in", ["hour", "day"])), name="run_count_span_known"
                    ),
                ],
            },
        ),
        migrations.RunPython(keep_states, migrations.RunPython.noop),
    ]
