"""Sealing the seeds of second factors with the installation's data key (docs/crypto.md, "What is bound").

The installation's data key is an `OrganizationKey` without an organization. `manage.py migrate` makes it.
"""

import base64
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import DatabaseError, transaction

from secrets_app.models import KeyState, OrganizationKey
from secrets_app.sealing import crypto
from secrets_app.sealing.keyring import CannotOpen, KeyLost, active_key, opens, unwrap


def follow_migration(sender: Any, **more: Any) -> None:  # noqa: ARG001
    """The receiver of `post_migrate`: the installation's data key is there before anybody asks for a page.

    One that does not open and seals nothing goes, so that nobody has to keep its master key.
    """
    try:
        with transaction.atomic():
            if not Authenticator.objects.exists():
                _forget_lost_keys_of_installation()
            active_key(None)
    except DatabaseError:  # migrated back, or not to the end: the next migration makes it
        return


def has_installation_key() -> bool:
    """Whether seeds can be sealed without making a data key first."""
    key = OrganizationKey.objects.filter(organization=None, state=KeyState.ACTIVE.value).first()
    return key is not None and opens(key)


def seal_seed(user_id: UUID, seed: str) -> str:
    """Seal the seed of a person's second factor with the installation's data key, which is made where it is missing.

    Returns:
        text for a column of another app.
    """
    key = active_key(None)
    return base64.b64encode(crypto.seal_seed(unwrap(key), seed, user=user_id, data_key_id=key.id)).decode()


def open_seed(user_id: UUID, sealed: str) -> str:
    """Open what `seal_seed` gave for this very person.

    Raises:
        KeyLost: its data key cannot be used here.
        CannotOpen: it was changed, or belongs to somebody else.
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


def _forget_lost_keys_of_installation() -> None:
    keys = OrganizationKey.objects.filter(organization=None)
    keys.filter(pk__in=[key.pk for key in keys if not opens(key)]).delete()
