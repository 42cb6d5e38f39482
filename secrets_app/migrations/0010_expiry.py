"""The day on which the values of a secret expire."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0009_sealed_texts")]

    operations = [
        migrations.AddField(
            model_name="secret",
            name="expires_on",
            field=models.DateField(
                blank=True, null=True, help_text="The last day (UTC) on which the provider accepts its values."
            ),
        ),
    ]
