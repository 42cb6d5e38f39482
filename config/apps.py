"""The Django app `config`."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Provides management commands and the demo, and registers values that the lower apps cannot import."""

    name = "config"

    def ready(self) -> None:
        """Register which view attempts which change, for the audit log."""
        from accounts.audit import refused_attempts  # noqa: PLC0415 - models can be imported only now
        from config.refused_attempts import EVENT_OF_VIEW, FINDERS  # noqa: PLC0415

        refused_attempts.register(EVENT_OF_VIEW, FINDERS)
