"""Takes over other master keys while the process runs: the files that the setting names are read again (docs/keys.md).

Keys that would not do stay unused, and the process goes on with those that it has.
"""

import logging

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from secrets_app.models import OrganizationKey
from secrets_app.sealing import canaries, held_keys
from secrets_app.sealing.held_keys import VARIABLE
from secrets_app.sealing.master_keys import MasterKeys

logger = logging.getLogger(__name__)


def reread() -> None:
    """Read the master keys again and hold them, unless they are broken, wrong, or lack one that is needed."""
    try:
        keys = held_keys.read()
        problems = canaries.mismatches(keys) + _missing(keys)
    except ImproperlyConfigured as problem:
        problems = [str(problem)]
    except DatabaseError:
        problems = [f"{VARIABLE}: the keys cannot be compared, because the database does not answer. Try again later."]
    held_keys.not_taken_over = "\n".join(problems)
    if problems:
        logger.error(
            "The master keys were read again and not taken over; held: %s. %s", said(), held_keys.not_taken_over
        )
        return
    held_keys.current = keys
    canaries.forget()
    logger.info("The master keys were read again; held: %s.", said())


def said() -> str:
    """Return the ids of the master keys that this process holds, the first one first."""
    first, *others = held_keys.current.in_order
    return ", ".join([f"{first} (wraps new data keys)", *others])


def _missing(keys: MasterKeys) -> list[str]:
    """Return a sentence for each master key that this process would lose although data keys need it."""
    needed = OrganizationKey.objects.kept().filter(master_key_id__in=held_keys.current.ids - keys.ids)
    return [
        f"{VARIABLE}: the master key {key_id} is no longer listed, but data keys need it. Put it back, and run "
        "manage.py rotate_master_key before it goes."
        for key_id in sorted(set(needed.values_list("master_key_id", flat=True)))
    ]
