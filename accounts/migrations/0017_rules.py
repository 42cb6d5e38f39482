"""An organization may ask a person about each call that no rule is about."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_idempotent_requests"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            # Django would make the table anew on SQLite, without its triggers.
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE accounts_organization ADD COLUMN asks_unless_read_only boolean DEFAULT false NOT NULL",
                    "ALTER TABLE accounts_organization DROP COLUMN asks_unless_read_only",
                ),
            ],
            state_operations=[
                migrations.AddField(
                    model_name="organization",
                    name="asks_unless_read_only",
                    field=models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="A person is asked about each call that no rule is about and that may change"
                        " something.",
                    ),
                ),
            ],
        ),
    ]
