"""Budgets of integrations, and what their operations cost."""

from django.db import migrations, models

import accounts.common.fields

ADD = "ALTER TABLE integrations_integration ADD COLUMN costs"
COLUMN = {
    "sqlite": f"{ADD} text DEFAULT '{{}}' NOT NULL CHECK (JSON_VALID(costs))",
    "postgresql": f"{ADD} json DEFAULT '{{}}' NOT NULL",
}


def add_column(apps, schema_editor):
    schema_editor.execute(COLUMN[schema_editor.connection.vendor])


def drop_column(apps, schema_editor):
    schema_editor.execute("ALTER TABLE integrations_integration DROP COLUMN costs")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0020_budgets'),
        ('integrations', '0018_disabled_by_whom'),
    ]

    operations = [
        migrations.AddField(
            model_name='integration',
            name='daily_calls',
            field=models.PositiveIntegerField(blank=True, help_text='Its budget; null for none.', null=True),
        ),
        migrations.AddField(
            model_name='integration',
            name='daily_cost',
            field=models.DecimalField(blank=True, decimal_places=8, help_text='Its budget; null for none.', max_digits=18, null=True),
        ),
        migrations.SeparateDatabaseAndState(
            # Django would make the table anew on SQLite, without its triggers.
            database_operations=[migrations.RunPython(add_column, drop_column)],
            state_operations=[
                migrations.AddField(
                    model_name='integration',
                    name='costs',
                    field=accounts.common.fields.OrderedJSONField(
                        db_default=models.Value('{}'),
                        default=dict,
                        help_text='What its operations cost (integrations/budgets/costs.py).',
                    ),
                ),
            ],
        ),
    ]
