"""The app that puts the others together."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Holds management commands and the demo; no models."""

    name = "config"
