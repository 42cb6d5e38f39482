"""Where a secret has to have a value.

The column is added with SQL: on SQLite Django would build the table anew, which the triggers that name it do not allow.
"""

from django.db import migrations
from django.db.models import Value

from accounts.common.fields import EnvironmentsField


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0010_expiry")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE secrets_app_secret ADD COLUMN required_in smallint DEFAULT 0 NOT NULL"
                    " CHECK (required_in >= 0)",
                    "ALTER TABLE secrets_app_secret DROP COLUMN required_in",
                )
            ],
            state_operations=[
                migrations.AddField(
                    model_name="secret",
                    name="required_in",
                    field=EnvironmentsField(
                        db_default=Value(0),
                        default=frozenset,
                        help_text="Where it has to have a value, whether anything refers to it or not.",
                    ),
                )
            ],
        )
    ]
