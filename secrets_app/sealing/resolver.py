"""The only door to plaintext.

A run looks its secrets up first (`find`): names, switches, domains, versions, nothing opened. Only when every check has
passed does it open them (`open_values`). A value that does not open is marked unreadable in a transaction of its own,
so its status says so from then on (docs/concepts.md, "Status"). One whose data key is lost is not marked: the value may
be sound, and opens again when the right master key is back.

A comparison of values (`marked_values`) happens in here: what leaves are marks under a key of that comparison.

A rotation tries a value that is staged: `find_with_staged` puts that very value in the place of the current one, for
one secret. It is opened by the same `open_values`.

Callers are a closed list, held by `tests/test_architecture.py`: the broker, and the comparison of the hygiene page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.compiled_queries import Among, CompiledQuery
from accounts.common.environments import Environment
from accounts.models import Organization
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.naming.value_rules import is_short
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring
from secrets_app.sealing.sameness import Fingerprints


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """One secret by name, and its current value in one environment, still sealed. None where there is none."""

    secret: Secret | None
    value: SecretValue | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one call needs: secrets of an organization by name, and their values in one environment."""

    organization: UUID
    environment: Environment
    names: frozenset[str]


_CURRENT = CompiledQuery(
    lambda: (
        SecretValue.objects.current()
        .filter(Among("secret__organization", "environment", "secret__name"))
        .select_related("data_key", "secret")
    )
)
"""Current values by organization, environment and name of the secret; with their secrets and data keys."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Where a value is, whether another one equals it (the marks of one comparison do), and whether it is short."""

    secret_id: UUID
    name: str
    environment: Environment
    mark: bytes
    is_short: bool


class Unreadable(Exception):  # noqa: N818 - an outcome, turned into a refusal by the broker
    """The value of the secret with this name does not open."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def find(organization: Organization, names: Iterable[str], environment: Environment) -> dict[str, FoundSecret]:
    """Look secrets up by exact name: an entry for every name asked for. Nothing is opened."""
    wanted = Wanted(organization.pk, environment, frozenset(names))
    return find_all([wanted])[wanted]


def find_all(wanted: Iterable[Wanted]) -> dict[Wanted, dict[str, FoundSecret]]:
    """`find` for many calls at once: in one query, in two where a secret has no value in an environment."""
    wanted = set(wanted)
    places = {(one.organization, one.environment.value, name) for one in wanted for name in one.names}
    values = {(row.secret.organization_id, row.environment, row.secret.name): row for row in _CURRENT.ask(places)}
    secrets = _secrets({(organization, name) for organization, _, name in places - values.keys()})

    def found(organization: UUID, environment: str, name: str) -> FoundSecret:
        value = values.get((organization, environment, name))
        return FoundSecret(value.secret if value else secrets.get((organization, name)), value)

    return {one: {name: found(one.organization, one.environment.value, name) for name in one.names} for one in wanted}


def _secrets(wanted: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], Secret]:
    """The secrets with these names in these organizations."""
    names = [Q(organization=organization, name=name) for organization, name in wanted]
    rows = Secret.objects.filter(reduce(or_, names)) if names else ()
    return {(row.organization_id, row.name): row for row in rows}


def find_with_staged(
    organization: Organization, names: Iterable[str], environment: Environment, staged_id: UUID
) -> dict[str, FoundSecret]:
    """The same as `find`, with one staged value in the place of its secret's current one.

    A value that is not staged any more (promoted, discarded, staged again) is None: it is never tried by mistake.
    """
    found = find(organization, names, environment)
    row = SecretValue.objects.filter(pk=staged_id).select_related("data_key", "secret").first()
    if row is None or row.secret.name not in found:
        return found
    secret = found[row.secret.name].secret
    is_tried = secret == row.secret and row.environment == environment.value and row.state == ValueState.STAGED.value
    if is_tried and secret:
        row.secret = secret
    return found | {row.secret.name: FoundSecret(secret, row if is_tried else None)}


def open_values(found: Mapping[str, FoundSecret], *, actor: Actor) -> dict[str, Plaintext]:
    """Open the values of secrets that passed every check.

    Raises:
        Unreadable: one does not open. It is marked, and the organization's log says so.
    """
    opened = {}
    for name, entry in found.items():
        if entry.value is None or entry.value.unreadable:
            raise Unreadable(name)
        try:
            opened[name] = keyring.unseal(entry.value)
        except keyring.KeyLost:
            raise Unreadable(name) from None
        except keyring.CannotOpen:
            _mark_unreadable(entry.value, actor)
            raise Unreadable(name) from None
    return opened


def marked_values(
    organization: Organization, fingerprints: Fingerprints, *, actor: Actor, limit: int
) -> tuple[list[Marked], int]:
    """Open the organization's current values one after the other, keep of each only its mark, and forget it.

    Args:
        fingerprints: their key is made for one comparison and kept nowhere.
        limit: how many values at most, by the names of their secrets.

    Returns:
        what was opened; and how many did not open.
    """
    rows = SecretValue.objects.current().filter(secret__organization=organization)
    rows = rows.select_related("secret", "data_key").order_by("secret__name", "environment")
    marked, closed = [], []
    for row in rows[:limit].iterator(chunk_size=200):
        try:
            if row.unreadable:
                raise keyring.KeyLost
            marked.append(_marked(row, keyring.unseal(row), fingerprints))
        except keyring.CannotOpen as failure:
            closed.append((row, isinstance(failure, keyring.KeyLost)))
    for row, is_key_lost in closed:
        if not is_key_lost:
            _mark_unreadable(row, actor)
    return marked, len(closed)


def _marked(row: SecretValue, value: Plaintext, fingerprints: Fingerprints) -> Marked:
    return Marked(row.secret_id, row.secret.name, Environment(row.environment), fingerprints.of(value), is_short(value))


def _mark_unreadable(value: SecretValue, actor: Actor) -> None:
    with transaction.atomic():
        marked = SecretValue.objects.filter(pk=value.pk, unreadable=False, sealed=value.sealed).update(unreadable=True)
        if marked:
            environment = Environment(value.environment)
            trail.record(trail.Event.SECRET_UNREADABLE, actor=actor, target=value.secret, environment=environment)
