"""The administration says API key."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_occurrences"),
    ]

    operations = [
        migrations.AlterModelOptions("apikey", {"verbose_name": "API key"}),
    ]
