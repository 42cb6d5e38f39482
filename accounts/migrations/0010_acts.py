"""Bounds of API keys by secrets, invitations that wait for an owner, and allowed domains for every value.

Open invitations by staff wait for an owner from now on. Organizations that exist are not asked about domains.
"""

from django.db import migrations, models
from django.db.models import Exists, OuterRef

from accounts import triggers


def without_triggers(apps, schema_editor):
    for statement in triggers.REMOVE_OWNER[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def with_triggers(apps, schema_editor):
    for statement in triggers.INSTALL_OWNER[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def hold_invitations_by_staff(apps, schema_editor):
    members = apps.get_model("accounts", "Membership").objects
    owned = Exists(members.filter(organization=OuterRef("organization"), role="owner"))
    invitations = apps.get_model("accounts", "Invitation").objects
    invitations.filter(owned, invited_by__endswith=" (staff)").update(awaits_owner=True)


def no_more_questions(apps, schema_editor):
    apps.get_model("accounts", "Organization").objects.update(asked_about_domains=True)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_suspended_api_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='secrets',
            field=models.JSONField(blank=True, help_text='Ids of those it may send somewhere new; null for all.', null=True),
        ),
        migrations.AddField(
            model_name='invitation',
            name='awaits_owner',
            field=models.BooleanField(default=False, help_text='Staff made it: no link works before approval.'),
        ),
        migrations.RunPython(without_triggers, with_triggers),
        migrations.AddField(
            model_name='organization',
            name='asked_about_domains',
            field=models.BooleanField(default=False, help_text='An owner has answered the question.'),
        ),
        migrations.AddField(
            model_name='organization',
            name='every_value_needs_domains',
            field=models.BooleanField(default=False, help_text='The same for every environment.'),
        ),
        migrations.AddConstraint(
            model_name='organization',
            constraint=models.CheckConstraint(condition=models.Q(('every_value_needs_domains', False), ('production_needs_domains', True), _connector='OR'), name='organization_every_value_includes_production'),
        ),
        migrations.RunPython(with_triggers, without_triggers),
        migrations.RunPython(hold_invitations_by_staff, migrations.RunPython.noop),
        migrations.RunPython(no_more_questions, migrations.RunPython.noop),
    ]
