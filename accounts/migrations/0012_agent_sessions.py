"""Sessions of API keys, and where and by what program a key was last used."""

import django.db.models.deletion
from django.db import migrations, models

from accounts import triggers


def install(apps, schema_editor):
    for statement in triggers.INSTALL_SESSION[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.REMOVE_SESSION[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_waiting_mail'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='last_address',
            field=models.GenericIPAddressField(blank=True, null=True),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE accounts_apikey ADD COLUMN last_client varchar(100) DEFAULT '' NOT NULL",
                    "ALTER TABLE accounts_apikey DROP COLUMN last_client",
                ),
                migrations.RunSQL(
                    "ALTER TABLE accounts_apikey ADD COLUMN last_user_agent varchar(200) DEFAULT '' NOT NULL",
                    "ALTER TABLE accounts_apikey DROP COLUMN last_user_agent",
                ),
            ],
            state_operations=[
                migrations.AddField(
                    model_name='apikey',
                    name='last_client',
                    field=models.CharField(blank=True, db_default='', default='', help_text='What its MCP client calls itself; empty if it has not said.', max_length=100),
                ),
                migrations.AddField(
                    model_name='apikey',
                    name='last_user_agent',
                    field=models.CharField(blank=True, db_default='', default='', max_length=200),
                ),
            ],
        ),
        migrations.AddField(
            model_name='apikey',
            name='parent',
            field=models.ForeignKey(blank=True, db_index=False, help_text='The key that made this session; empty for a key that a person made.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to='accounts.apikey'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('parent', None), models.Q(models.Q(('expires_at', None), _negated=True), ('created_by', None)), _connector='OR'), name='api_key_session_ends'),
        ),
        migrations.RunPython(install, remove),
    ]
