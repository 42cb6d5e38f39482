"""Who stopped all agents of an organization, or one of them, and why.

SQLite builds both tables anew for the constraints, which the triggers that name them do not allow: they are removed
meanwhile.
"""

from django.db import migrations, models

from accounts import triggers


def without_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in (*triggers.REMOVE_OWNER[vendor], *triggers.REMOVE_SESSION[vendor]):
        schema_editor.execute(statement)


def with_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in (*triggers.INSTALL_OWNER[vendor], *triggers.INSTALL_SESSION[vendor]):
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0017_rules'),
    ]

    operations = [
        migrations.RunPython(without_triggers, with_triggers),
        migrations.AddField(
            model_name='apikey',
            name='stopped_by',
            field=models.CharField(blank=True, db_default='', default='', help_text='Who stopped it; empty if nobody did, but the values among its arguments.', max_length=254),
        ),
        migrations.AddField(
            model_name='apikey',
            name='stopped_why',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AddField(
            model_name='organization',
            name='agents_stopped_at',
            field=models.DateTimeField(blank=True, help_text='Since when calls with API keys are refused; null while they are not.', null=True),
        ),
        migrations.AddField(
            model_name='organization',
            name='agents_stopped_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=254),
        ),
        migrations.AddField(
            model_name='organization',
            name='agents_stopped_why',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='suspended_at',
            field=models.DateTimeField(blank=True, help_text='It passed values as arguments, or a person stopped it; calls are refused.', null=True),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stopped_by', ''), ('stopped_why', '')), models.Q(('suspended_at', None), ('stopped_by', ''), ('stopped_why', ''), _connector='OR', _negated=True), _connector='OR'), name='api_key_stop_has_who_and_why'),
        ),
        migrations.AddConstraint(
            model_name='organization',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('agents_stopped_at', None), ('agents_stopped_by', ''), ('agents_stopped_why', '')), models.Q(('agents_stopped_at', None), ('agents_stopped_by', ''), ('agents_stopped_why', ''), _connector='OR', _negated=True), _connector='OR'), name='organization_stop_has_who_and_why'),
        ),
        migrations.RunPython(with_triggers, without_triggers),
    ]
