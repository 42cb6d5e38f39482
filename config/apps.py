"""The app that puts the others together."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Holds management commands and the demo; no models. Tells the lower apps what they cannot know themselves."""

    name = "config"

    def ready(self) -> None:
        """Say which door tries which act."""
        from accounts.audit import refused_attempts  # noqa: PLC0415 - models are there only now
        from config.refused_attempts import EVENT_OF_VIEW, FINDERS  # noqa: PLC0415

        refused_attempts.register(EVENT_OF_VIEW, FINDERS)
