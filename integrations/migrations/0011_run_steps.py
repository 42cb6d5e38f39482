"""What the page of a run shows: its steps, the address, the size of the answer, the request, and who stands behind it."""

from django.db import migrations, models
from django.db.models import Case, F, Value, When

PRINCIPALS = """
UPDATE integrations_run SET principal_id = COALESCE(
    (SELECT parent_id FROM accounts_apikey WHERE accounts_apikey.id = integrations_run.caller_id), caller_id
)
WHERE caller_id IS NOT NULL
"""
"""Sessions that were deleted stand for themselves."""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_session_index"),
        ("integrations", "0010_shown_tools"),
    ]

    operations = [
        migrations.AddField(
            "run",
            "principal_id",
            models.UUIDField(
                help_text="The person, or the API key that a person made: of a session, the key behind it.", null=True
            ),
        ),
        # before columns are added that rewrite the table: its rows would be new, and their foreign keys checked at the end
        migrations.RunSQL(PRINCIPALS, migrations.RunSQL.noop),
        migrations.AddField(
            "run",
            "steps",
            models.JSONField(
                db_default=Value("{}", models.JSONField()),
                default=dict,
                help_text="Milliseconds by step; empty if not measured.",
            ),
        ),
        migrations.AddField(
            "run", "address", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
        migrations.AddField("run", "answer_bytes", models.PositiveBigIntegerField(null=True)),
        migrations.AddField(
            "run", "request_id", models.CharField(blank=True, db_default="", default="", max_length=128)
        ),
        migrations.AddField(
            "run",
            "failure",
            models.GeneratedField(
                db_persist=True,
                expression=Case(When(outcome__in=["started", "succeeded"], then=None), default=F("outcome")),
                output_field=models.CharField(max_length=15, null=True),
            ),
        ),
        migrations.AddField(
            "run",
            "error_status",
            models.GeneratedField(
                db_persist=True,
                expression=Case(When(status__gte=400, then=F("status")), default=None),
                output_field=models.PositiveSmallIntegerField(null=True),
            ),
        ),
    ]
