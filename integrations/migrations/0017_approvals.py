"""Approvals of calls, which go one way."""

import accounts.common.fields
import django.db.models.deletion
import uuid
from django.db import migrations, models

from integrations import triggers


def install(apps, schema_editor):
    for statement in triggers.install_one_way()[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.remove_one_way()[schema_editor.connection.vendor]:
        schema_editor.execute(statement)



class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0019_approval_days'),
        ('integrations', '0016_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('integration_id', models.UUIDField()),
                ('integration_name', models.CharField(max_length=100)),
                ('kind', models.CharField(max_length=20)),
                ('operation', models.CharField(help_text='As rules name it: `call_tool:NAME` for a remote tool.', max_length=200)),
                ('environment', models.CharField(choices=[('development', 'Development'), ('staging', 'Staging'), ('production', 'Production')], max_length=12)),
                ('caller_kind', models.CharField(max_length=10)),
                ('caller_id', models.UUIDField(null=True)),
                ('principal_id', models.UUIDField(help_text='Of a session, the API key behind it.', null=True)),
                ('caller', models.CharField(max_length=254)),
                ('basis', models.CharField(help_text='Hash of the integration, its parents and their rules.', max_length=64)),
                ('scope', models.CharField(help_text='Hash of that, the operation, the caller and the rule that asks.', max_length=64)),
                ('fingerprint', models.CharField(help_text='Hash of that and the arguments.', max_length=64)),
                ('when', models.CharField(default='retry', max_length=10)),
                ('reason', models.CharField(blank=True, help_text='Said by the agent, not checked.', max_length=500)),
                ("why", models.CharField(blank=True, help_text="What asks, as a sentence.", max_length=300)),
                (
                    "rule",
                    accounts.common.fields.OrderedJSONField(
                        default=dict, help_text="The rule that asks; empty if the organization does."
                    ),
                ),
                ('approvers', models.JSONField(default=list, help_text='Ids of people who decide, beside owners and admins.')),
                ('asked', models.CharField(help_text='Who was asked, in words.', max_length=300)),
                ('needs_proof', models.BooleanField(default=False)),
                ('four_eyes', models.BooleanField(default=False)),
                ('most_minutes', models.PositiveSmallIntegerField(default=0, help_text='For how long the operation may be approved at once; 0 for never.')),
                ('state', models.CharField(default='waiting', max_length=10)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(help_text='A decision comes too late from then on.')),
                ('asked_again', models.PositiveIntegerField(default=0)),
                ('asked_again_at', models.DateTimeField(null=True)),
                ('decided_by_id', models.UUIDField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=254)),
                ('decided_at', models.DateTimeField(null=True)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('use_before', models.DateTimeField(help_text='The call has to be made before.', null=True)),
                ('is_for_a_while', models.BooleanField(default=False, help_text='Any number of calls until then, of any arguments.')),
                ('calls', models.PositiveIntegerField(default=0, help_text='Made under it.')),
                ('used_at', models.DateTimeField(help_text='The last time.', null=True)),
                ('held_run_id', models.UUIDField()),
                ('made_run_id', models.UUIDField(help_text='The last one.', null=True)),
                ('claimed_until', models.DateTimeField(help_text='A process of the server makes the call until then.', null=True)),
                ('error_code', models.CharField(blank=True, help_text='Why the server could not make the call.', max_length=40)),
                ('ended_at', models.DateTimeField(null=True)),
                ('destroyed_at', models.DateTimeField(help_text='When the sealed part was destroyed.', null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approvals', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', '-created_at', '-id'], name='approval_newest_first'), models.Index(fields=['organization', 'principal_id', '-created_at', '-id'], name='approval_by_principal'), models.Index(fields=['organization', 'fingerprint', '-created_at'], name='approval_by_fingerprint'), models.Index(condition=models.Q(('state', 'approved')), fields=['organization', 'scope'], name='approval_by_scope'), models.Index(condition=models.Q(('state', 'waiting')), fields=['expires_at'], name='approval_waiting'), models.Index(condition=models.Q(('state', 'approved')), fields=['use_before'], name='approval_to_use'), models.Index(condition=models.Q(('destroyed_at', None)), fields=['ended_at'], name='approval_to_destroy')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('organization', 'fingerprint'), name='approval_waits_once'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'approved', 'denied', 'expired', 'used'])), name='approval_state_known'), models.CheckConstraint(condition=models.Q(('when__in', ['retry', 'approved'])), name='approval_when_known'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('state', 'waiting')), models.Q(('decided_at__isnull', False), ('state', 'denied'), ('use_before', None)), models.Q(('decided_at__isnull', False), ('state__in', ['approved', 'used']), ('use_before__isnull', False)), ('state', 'expired'), _connector='OR'), name='approval_state_has_its_decision'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('state__in', ['waiting', 'approved'])), models.Q(('ended_at__isnull', False), ('state__in', ['denied', 'expired', 'used'])), _connector='OR'), name='approval_state_has_its_end'), models.CheckConstraint(condition=models.Q(models.Q(('calls', 0), ('made_run_id', None), ('used_at', None), models.Q(('state', 'used'), _negated=True)), models.Q(('calls__gte', 1), ('made_run_id__isnull', False), ('used_at__isnull', False), models.Q(('state', 'used'), models.Q(('is_for_a_while', True), ('state', 'approved')), _connector='OR')), _connector='OR'), name='approval_use_has_its_run'), models.CheckConstraint(condition=models.Q(('calls__lte', 1), ('is_for_a_while', True), _connector='OR'), name='approval_used_once'), models.CheckConstraint(condition=models.Q(('use_before', None), ('use_before__gt', models.F('decided_at')), _connector='OR'), name='approval_use_after_decision')],
            },
        ),
        migrations.RunPython(install, remove),
    ]
