"""Configuration of the app of named secrets."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SecretsAppConfig(AppConfig):
    """Loads the master keys at startup, and registers the keys of the audit log. Without a usable key, no process
    starts.
    """

    name = "secrets_app"
    verbose_name = "Secrets"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the keyring, register the system checks and connect the signal receivers."""
        from accounts.audit import chain_keys  # noqa: PLC0415
        from accounts.signals import organization_deleting  # noqa: PLC0415
        from secrets_app.sealing import audit_keys, checks, keyring, seeds  # noqa: F401, PLC0415 - need the app registry

        keyring.load()
        chain_keys.register(audit_keys.current, audit_keys.find)
        organization_deleting.connect(keyring.destroy_data_keys, dispatch_uid="secrets_app.destroy_data_keys")
        post_migrate.connect(
            seeds.ensure_installation_key, sender=self, dispatch_uid="secrets_app.ensure_installation_key"
        )
