"""Budgets of API keys."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0019_approval_days'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='daily_calls',
            field=models.PositiveIntegerField(blank=True, help_text='Its budget; null for none.', null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='daily_cost',
            field=models.DecimalField(blank=True, decimal_places=8, help_text='Its budget; null for none.', max_digits=18, null=True),
        ),
    ]
