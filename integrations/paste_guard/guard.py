"""The paste guard of a save, and the way of a pasted credential into a secret.

A raw credential in an integration is sent to everybody who may read the configuration, so it is kept only by who says
so, and that is audited: the fields and what they look like, never the text.
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
    "The integration was not saved: it holds what looks like a credential. Save that as a secret and write "
    "{secrets.NAME} in its place, or say that it is to be kept as plain text."
)


def find(integration: Integration) -> list[Pasted]:
    """Every raw credential of an integration, stored or not."""
    return detection.find(integration.name, integration.description, integration.config)


def raw_credentials(integration: Integration, *, known: list[Pasted], accepted: bool) -> list[Pasted]:
    """The raw credentials that a save would add.

    Args:
        known: those that are stored.

    Raises:
        RawCredential: there are some, and they are not accepted.
    """
    found = detection.new_since(find(integration), known)
    if found and not accepted:
        raise RawCredential(NOT_SAVED, errors=[FieldError(each.field, sentence(each)) for each in found])
    return found


def kept(found: list[Pasted]) -> dict[str, Any]:
    """What the audit event of a save says of raw credentials that were kept: where each stands, what it looks like."""
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
    """Store a pasted credential as a new secret; the configuration with the secret's placeholder wherever it stood.

    The secret gets the credential as its value in the given environments (all of them, where none is given), since
    that is where the text would have been sent, and may go only where the configuration sends it.

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
    """What is wrong with a field, and the way out."""
    if found.can_be_replaced:
        return f"This looks like {found.looks_like}. Save it as a secret and write {{secrets.NAME}} in its place."
    return f"This looks like {found.looks_like}. Take it out: no secret can stand here."


def _domains(kind: str, config: Mapping[str, Any]) -> list[str]:
    """The hosts of a configuration that can be allowed domains; none while it cannot be read."""
    try:
        destinations = KINDS[kind].destinations(KINDS[kind].read(config))
        hosts = [parse_url(each.url, each.schemes).raw_host or "" for each in destinations]
        return [clean_domain(host, operator_hosts=bool(settings.EGRESS_ALLOW)) for host in hosts]
    except (BadDomain, Refusal):
        return []
