"""What is recorded of runs whose answer flowed."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0019_budgets'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='sent_bytes',
            field=models.PositiveBigIntegerField(help_text='Of a body that was passed through.', null=True),
        ),
        migrations.AddField(
            model_name='run',
            name='first_byte_ms',
            field=models.PositiveIntegerField(help_text='To the head of an answer that flowed.', null=True),
        ),
    ]
