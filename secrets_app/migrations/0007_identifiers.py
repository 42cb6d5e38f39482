"""Secrets that everybody may see.

The column is added with SQL: on SQLite Django would build the table anew, which the triggers that name it do not allow.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0006_canaries")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE secrets_app_secret ADD COLUMN is_identifier boolean NOT NULL DEFAULT false",
                    "ALTER TABLE secrets_app_secret DROP COLUMN is_identifier",
                )
            ],
            state_operations=[
                migrations.AddField(
                    model_name="secret",
                    name="is_identifier",
                    field=models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Everybody may see it, such as an account id, so it is not masked.",
                    ),
                )
            ],
        )
    ]
