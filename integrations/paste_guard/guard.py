"""Refusing raw credentials when an integration is saved, and saving one as a secret.

Everybody who may read a configuration sees a raw credential in it. It is stored only if the person accepts that, and
the audit log records the fields and what they look like, never the text.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS, Environment, in_order
from accounts.errors import FieldError, Refusal
from accounts.policy import Permission
from integrations.egress.destinations import parse_url
from integrations.errors import RawCredential
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.paste_guard import detection
from integrations.paste_guard.detection import Pasted
from secrets_app.editing.secrets import create_secret
from secrets_app.naming.domains import BadDomain, clean_domain
from secrets_app.plaintext import Plaintext

NOT_SAVED = (
    "The integration was not saved: it contains what looks like a credential. Save it as a secret and write "
    "{secrets.NAME} in its place, or confirm that it stays as plain text."
)


def find(integration: Integration) -> list[Pasted]:
    """Return all raw credentials of an integration, which need not be saved."""
    return detection.find(integration.name, integration.description, integration.config)


def raw_credentials(integration: Integration, *, known: list[Pasted], accepted: bool) -> list[Pasted]:
    """Return the raw credentials that a save would add.

    Args:
        known: the raw credentials that are stored.
        accepted: whether the caller accepts new ones.

    Raises:
        RawCredential: there are new ones, and they are not accepted.
    """
    found = detection.new_since(find(integration), known)
    if found and not accepted:
        raise RawCredential(NOT_SAVED, errors=[FieldError(each.field, sentence(each)) for each in found])
    return found


def kept(found: list[Pasted]) -> dict[str, Any]:
    """Return what the audit event of a save records about accepted raw credentials: their fields and descriptions."""
    return {"raw_credentials": [[each.field, each.looks_like] for each in found]} if found else {}


def save_as_secret(
    *,
    actor: Actor,
    kind: str,
    found: Pasted,
    config: Mapping[str, Any],
    name: str,
    environments: Iterable[Environment],
) -> dict[str, Any]:
    """Save a pasted credential as a secret; return the configuration with its placeholder.

    The secret gets the credential as its value in the given environments, by default in all. Its allowed domains are
    the hosts of the configuration.

    Raises:
        PermissionDenied, Invalid, ValueTooShort: as `create_secret`; nothing is stored.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    create_secret(
        actor=actor,
        name=name,
        values=dict.fromkeys(in_order(environments or ALL_ENVIRONMENTS), Plaintext(found.text)),
        allowed_domains=_domains(kind, config),
        entered_once=True,
    )
    return detection.replaced_everywhere(config, found.text, name)


def sentence(found: Pasted) -> str:
    """Return what is wrong with a field, and what to do."""
    if found.can_be_replaced:
        return f"This looks like {found.looks_like}. Save it as a secret and write {{secrets.NAME}} in its place."
    return f"This looks like {found.looks_like}. Remove it: a secret cannot be used here."


def _domains(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Return the hosts of a configuration as allowed domains; none while it is invalid."""
    try:
        destinations = KINDS[kind].destinations(KINDS[kind].read(config))
        hosts = [parse_url(each.url, each.schemes).raw_host or "" for each in destinations]
        return [clean_domain(host, operator_hosts=bool(settings.EGRESS_ALLOW)) for host in hosts]
    except (BadDomain, Refusal):
        return []
