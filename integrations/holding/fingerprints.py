"""What makes two calls the same one: hashes under the secret key of the installation, so the database tells nothing.

Whatever changes the call changes its fingerprint: other arguments, another caller, a changed integration or connection,
other rules. An approval is found by it, so an approval never fits another call than the one that a person saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.crypto import salted_hmac

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.fields import write_json
from integrations.inheritance import with_parents
from integrations.models import Integration

_SALT = "coffer.approval"


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The hashes of a call, each of the one before and more.

    Attributes:
        basis: the integration and its parents in their versions, with their rules.
        scope: the operation, the environment, the caller, and the rule that asks.
        call: the arguments.
    """

    basis: str
    scope: str
    call: str


def fingerprints_of(
    actor: Actor,
    integration: Integration,
    environment: Environment,
    operation: str,
    rule: Mapping[str, Any],
    params: Mapping[str, Any],
) -> Fingerprints:
    """Return the hashes of a call.

    Args:
        operation: as rules name it.
        rule: the rule that asks, as JSON.
        params: the arguments, checked and with defaults filled in.
    """
    basis = basis_of(integration)
    scope = _hash([basis, operation, environment.value, actor.kind.value, str(actor.id), rule])
    return Fingerprints(basis, scope, _hash([scope, params]))


def basis_of(integration: Integration) -> str:
    """Return the hash of an integration and its parents, which are loaded, as they are now."""
    links = [[str(link.pk), link.version, link.rules] for link in with_parents(integration)]
    return _hash([str(integration.organization_id), links])


def _hash(parts: Sequence[object]) -> str:
    return salted_hmac(_SALT, write_json(_in_order(parts)), algorithm="sha256").hexdigest()


def _in_order(value: object) -> object:
    """Return a JSON value with the names of its objects in order, because their order means nothing."""
    if isinstance(value, Mapping):
        return {str(name): _in_order(value[name]) for name in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_in_order(child) for child in value]
    return value
