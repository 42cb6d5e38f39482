"""Tools that people approved, by the fingerprint of what they saw."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0005_sip_trunk'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApprovedTool',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=256)),
                ('fingerprint', models.CharField(max_length=64)),
                ('approved_by', models.CharField(max_length=254)),
                ('approved_at', models.DateTimeField()),
                ('integration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approved_tools', to='integrations.integration')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('integration', 'name'), name='tool_approved_once')],
            },
        ),
    ]
