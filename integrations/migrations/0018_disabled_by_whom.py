"""Who disabled an integration, and why.

Columns with a default are added with SQL: on SQLite Django would build the table anew, which the triggers that name it
do not allow.
"""

from django.db import migrations, models

COLUMNS = {"disabled_by": 254, "disabled_why": 300}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0018_stops'),
        ('integrations', '0017_approvals'),
    ]

    operations = [
        migrations.AddField(
            model_name='integration',
            name='disabled_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE integrations_integration ADD COLUMN {name} varchar({length}) DEFAULT '' NOT NULL",
                    f"ALTER TABLE integrations_integration DROP COLUMN {name}",
                )
                for name, length in COLUMNS.items()
            ],
            state_operations=[
                migrations.AddField(
                    model_name='integration',
                    name=name,
                    field=models.CharField(blank=True, db_default='', default='', max_length=length),
                )
                for name, length in COLUMNS.items()
            ],
        ),
    ]
