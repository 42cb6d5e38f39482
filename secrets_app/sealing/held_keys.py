"""The master keys that this process holds: read from its environment, and never in Django's settings."""

import os

from django.core.exceptions import ImproperlyConfigured

from secrets_app.sealing.master_keys import BadMasterKeys, MasterKeys, parse_master_keys

VARIABLE = "COFFER_MASTER_KEYS"

current: MasterKeys
"""The keys; `load` sets them at startup, `rereading` at a signal."""


not_taken_over = ""
"""Why the keys that were read last are not held; empty if they are."""


def read() -> MasterKeys:
    """Return the master keys that the environment and the files that it names give now.

    Raises:
        ImproperlyConfigured: an entry is malformed, or its file cannot be used. The message gives the entry's position.
    """
    try:
        return parse_master_keys(os.environ.get(VARIABLE, ""))
    except BadMasterKeys as problem:
        raise ImproperlyConfigured(f"{VARIABLE}: {problem}") from None


def load() -> None:
    """Hold the master keys that can be read now.

    Raises:
        ImproperlyConfigured: they cannot be used.
    """
    global current, not_taken_over
    current, not_taken_over = read(), ""
