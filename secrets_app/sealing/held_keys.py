"""The master keys that this process holds: read from its environment, and never in Django's settings."""

import os

from django.core.exceptions import ImproperlyConfigured

from secrets_app.sealing.master_keys import BadMasterKeys, MasterKeys, parse_master_keys

VARIABLE = "COFFER_MASTER_KEYS"

current: MasterKeys
"""The keys; `load` sets them at startup."""


def load() -> None:
    """Read the master keys from the environment.

    Raises:
        ImproperlyConfigured: an entry is malformed, or its file cannot be used. The message gives the entry's position.
    """
    global current  # noqa: PLW0603 - one keyring per process
    try:
        current = parse_master_keys(os.environ.get(VARIABLE, ""))
    except BadMasterKeys as problem:
        raise ImproperlyConfigured(f"{VARIABLE}: {problem}") from None
