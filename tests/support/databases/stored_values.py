"""Reading the stored values of a secret back."""

from accounts.common.environments import Environment
from secrets_app.models import SecretValue
from secrets_app.sealing import keyring


def stored_values(secret):
    """The current values of a secret, by environment: (version, the opened value)."""
    rows = SecretValue.objects.current().filter(secret=secret).select_related("secret", "data_key")
    return {Environment(row.environment): (row.version, keyring.unseal(row).expose()) for row in rows}


def values_by_name():
    """The opened current values of all secrets, by name."""
    rows = SecretValue.objects.current().select_related("secret", "data_key")
    return {row.secret.name: keyring.unseal(row).expose() for row in rows}


def all_stored_values():
    """The opened current values of all secrets, by environment."""
    rows = SecretValue.objects.current().select_related("secret", "data_key")
    return {row.environment: keyring.unseal(row).expose() for row in rows}
