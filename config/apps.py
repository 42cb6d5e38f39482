"""The Django app `config`."""

from django.apps import AppConfig
from django.conf import settings


class ConfigConfig(AppConfig):
    """Provides management commands and the demo, and registers values that the lower apps cannot import."""

    name = "config"

    def ready(self) -> None:
        """Register which view attempts which change, for the audit log, and read the setting of trusted proxies.

        Raises:
            ImproperlyConfigured: the setting cannot be used.
        """
        from accounts.audit import refused_attempts  # noqa: PLC0415 - models can be imported only now
        from config.configuration.explaining import warn_of_misspelt  # noqa: PLC0415
        from config.databases import checks as database_checks  # noqa: F401, PLC0415 - registers them
        from config.http import checks  # noqa: F401, PLC0415 - registers them
        from config.http.proxies import Proxies  # noqa: PLC0415
        from config.refused_attempts import EVENT_OF_VIEW, FINDERS  # noqa: PLC0415

        Proxies(settings.TRUSTED_PROXIES)
        warn_of_misspelt()
        refused_attempts.register(EVENT_OF_VIEW, FINDERS)
