"""Sealing the seeds of second factors with the data key of the installation (docs/crypto.md, "What is bound").

The data key of the installation is an `OrganizationKey` without an organization. `manage.py migrate` creates it.
"""

import base64
from typing import Any
from uuid import UUID

from django.core.management import CommandError
from django.db import DatabaseError, transaction

from secrets_app.errors import KeyUnavailable
from secrets_app.models import KeyState, OrganizationKey
from secrets_app.sealing import canaries, crypto
from secrets_app.sealing.keyring import CannotOpen, KeyLost, active_key, opens, unwrap


def ensure_installation_key(**_: Any) -> None:
    """Create the data key of the installation after a migration, unless there is one (receiver of `post_migrate`).

    Raises:
        CommandError: this process holds a wrong master key.
    """
    try:
        with transaction.atomic():
            canaries.settle()
            if not OrganizationKey.objects.filter(organization=None, state=KeyState.ACTIVE.value).exists():
                active_key(None)
    except DatabaseError:  # the tables do not exist at this migration; a later one creates the key
        return
    except KeyUnavailable as problem:
        raise CommandError(problem.detail) from None


def has_installation_key() -> bool:
    """Whether the installation has a data key that opens, so that seeds can be sealed without creating one."""
    key = OrganizationKey.objects.filter(organization=None, state=KeyState.ACTIVE.value).first()
    return key is not None and opens(key)


def seal_seed(user_id: UUID, seed: str) -> str:
    """Seal the seed of a person's second factor with the data key of the installation, which is created if missing.

    Returns:
        base64 text, to be stored in a text column of another app.
    """
    key = active_key(None)
    return base64.b64encode(crypto.seal_seed(unwrap(key), seed, user=user_id, data_key_id=key.id)).decode()


def open_seed(user_id: UUID, sealed: str) -> str:
    """Open a seed that `seal_seed` sealed for this person.

    Raises:
        KeyLost: its data key does not open in this process.
        CannotOpen: the text was changed, or belongs to another person.
    """
    try:
        packed = base64.b64decode(sealed, validate=True)
        key = OrganizationKey.objects.filter(pk=crypto.data_key_of(packed), organization=None).first()
    except (ValueError, crypto.Undecryptable):
        raise CannotOpen from None
    if key is None:
        raise KeyLost
    try:
        return crypto.open_seed(unwrap(key), packed, user=user_id, data_key_id=key.id)
    except crypto.Undecryptable:
        raise CannotOpen from None
