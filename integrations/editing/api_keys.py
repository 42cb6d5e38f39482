"""Creating API keys that are limited to some integrations, or to some secrets."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from accounts.access import api_keys
from accounts.access.key_text import KeyText
from accounts.actors import Actor
from accounts.common.bounds import MOST_CHOSEN
from accounts.errors import FieldError
from accounts.models import ApiKey
from accounts.policy import Permission
from integrations.models import Integration
from secrets_app.models import Secret


def create_api_key(
    *,
    actor: Actor,
    integrations: Iterable[UUID] | None,
    secret_names: Iterable[str] = (),
    found: Sequence[FieldError] = (),
    **wanted: Any,
) -> tuple[ApiKey, KeyText]:
    """Create an API key (`accounts.access.api_keys`) after checking its integrations.

    An integration that is deleted meanwhile does no harm: the key then names an id that does not exist.

    Args:
        integrations: the only integrations that the key may use; None for all.
        secret_names: the only secrets that it may send somewhere new; without any, it may send all.
        found: problems with other fields, which are reported together.

    Raises:
        PermissionDenied, Invalid: as `accounts.access.api_keys.create_api_key`; also for no integration, too many, or
            one that the organization does not have.
    """
    actor.check(Permission.API_KEYS_CREATE)
    chosen = None if integrations is None else set(integrations)
    names = set(secret_names)
    secrets = dict(Secret.objects.of(actor.organization).filter(name__in=names).values_list("name", "pk"))
    return api_keys.create_api_key(
        actor=actor,
        integrations=chosen,
        secrets=secrets.values() if names else None,
        found=[*found, *_problems(actor, chosen), *_problems_with_secrets(names, secrets)],
        **wanted,
    )


def _problems_with_secrets(names: Collection[str], found: Collection[str]) -> list[FieldError]:
    unknown = sorted(set(names) - set(found))
    if len(names) > MOST_CHOSEN:
        sentence = f"Name at most {MOST_CHOSEN} secrets, or leave this empty for all of them."
    elif unknown:
        sentence = f"No secret is called {unknown[0]}. Write one name on each line."
    else:
        return []
    return [FieldError("secrets", sentence)]


def _problems(actor: Actor, chosen: set[UUID] | None) -> list[FieldError]:
    sentence = ""
    if chosen is None:
        return []
    if not chosen:
        sentence = "Choose at least one integration, or let the key use all of them."
    elif len(chosen) > MOST_CHOSEN:
        sentence = f"Choose at most {MOST_CHOSEN} integrations, or let the key use all of them."
    elif Integration.objects.visible_to(actor).filter(pk__in=chosen).count() < len(chosen):
        sentence = "One of the chosen integrations no longer exists. Review the choice below and send it again."
    return [FieldError("integrations", sentence)] if sentence else []
