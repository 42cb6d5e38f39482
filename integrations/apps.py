"""The app of things that use secrets."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Listens to what happens to secrets."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from integrations import references  # noqa: PLC0415 - needs the app registry
        from secrets_app.signals import secret_created  # noqa: PLC0415

        secret_created.connect(references.bind_waiting, dispatch_uid="integrations.bind_waiting")
