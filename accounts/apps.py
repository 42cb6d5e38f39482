"""The app that knows who is asking."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the check that every route says who may use it, and what follows a sign-in."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the system checks and the receivers."""
        from accounts.sign_in import receivers  # noqa: F401, PLC0415 - registering needs the app registry
