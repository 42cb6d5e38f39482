"""The app of named secrets."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SecretsAppConfig(AppConfig):
    """Reads the master keys at start: without a usable one nothing starts."""

    name = "secrets_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the keyring and the system checks, connect the receivers."""
        from accounts.signals import organization_deleting  # noqa: PLC0415
        from secrets_app.sealing import checks, keyring, seeds  # noqa: F401, PLC0415 - both need the app registry

        keyring.load()
        organization_deleting.connect(keyring.follow_deletion, dispatch_uid="secrets_app.follow_deletion")
        post_migrate.connect(seeds.follow_migration, sender=self, dispatch_uid="secrets_app.follow_migration")
