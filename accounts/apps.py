"""The Django app `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the system check of route permissions and the receivers that follow a sign-in."""

    name = "accounts"
    verbose_name = "People and organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the receivers, which registers them."""
        from accounts.sign_in import receivers  # noqa: F401, PLC0415 - registering needs the app registry
