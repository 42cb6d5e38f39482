"""API keys: making one, and finding whose it is."""

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor, actor_for_key
from accounts.environments import Environment, in_order
from accounts.errors import FieldError, Invalid, Unauthenticated
from accounts.keys import KeyText, new_key, read_key
from accounts.models import ApiKey
from accounts.policy import Permission, Scope

STAMP_EVERY = timedelta(minutes=1)
NAME_LENGTH = ApiKey._meta.get_field("name").max_length or 80


def create_api_key(
    *,
    actor: Actor,
    name: str,
    scopes: Iterable[Scope],
    environments: Iterable[Environment],
    integrations: Iterable[UUID] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, KeyText]:
    """Make a key for the actor's organization. The text is returned once and kept nowhere.

    Raises:
        PermissionDenied: the actor may not manage access.
        Invalid: no name, no scope or no environment.
    """
    actor.check(Permission.MEMBERS_MANAGE)
    name, scopes, environments = name.strip(), sorted(set(scopes)), in_order(environments)
    errors = [
        FieldError(field, sentence)
        for field, wrong, sentence in (
            (
                "name",
                not 1 <= len(name) <= NAME_LENGTH or not name.isprintable(),
                f"Enter a name of 1 to {NAME_LENGTH} characters.",
            ),
            ("scopes", not scopes, "Choose at least one scope."),
            ("environments", not environments, "Choose at least one environment."),
        )
        if wrong
    ]
    if errors:
        raise Invalid("The API key was not created.", errors=errors)
    text = new_key()
    with transaction.atomic():
        key = ApiKey.objects.create(
            organization=actor.organization,
            name=name,
            prefix=text.prefix,
            digest=text.digest,
            scopes=[scope.value for scope in scopes],
            environments=environments,
            integrations=None if integrations is None else sorted(str(item) for item in integrations),
            expires_at=expires_at,
        )
        audit.record(
            audit.Event.API_KEY_CREATED,
            actor=actor,
            target=key,
            prefix=key.prefix,
            scopes=key.scopes,
            environments=[environment.value for environment in environments],
        )
    return key, text


def actor_of_key(text: str, *, address: str | None) -> Actor:
    """The actor that an API key stands for; stamps its last use at most once a minute.

    Raises:
        Unauthenticated: not a key, unknown, expired or revoked; the four are not told apart.
    """
    presented = read_key(text)
    key = presented and ApiKey.objects.select_related("organization").filter(prefix=presented.prefix).first()
    if not presented or not key or not hmac.compare_digest(bytes(key.digest), presented.digest):
        raise Unauthenticated("Send a valid API key: Authorization: Bearer cof_…")
    now = timezone.now()
    if key.revoked_at or (key.expires_at and key.expires_at <= now):
        raise Unauthenticated("Send a valid API key: Authorization: Bearer cof_…")
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - STAMP_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return actor_for_key(key, address=address)
