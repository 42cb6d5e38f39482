"""The only place where values are opened.

A run first looks its secrets up with `find`, which opens nothing. It opens their values with `open_values` only after
every check has passed. A value that does not open is marked unreadable in its own transaction, which changes the
secret's status (docs/concepts.md, "Status"). A value whose data key is lost is not marked, because it opens again when
the right master key is back.

A rotation check uses a staged value: `find_with_staged` substitutes it for the current value of its secret, and
`open_values` opens it.

Answers are searched for values of other runs, too: `open_for_masking` opens those that a host may hold.

The hygiene page compares values: `fingerprint_values` opens them here and returns fingerprints only.

`tests/test_architecture.py` lists the modules that may call these functions.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.common.sql.compiled import Among, CompiledQuery
from accounts.models import Organization
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.plaintext import Plaintext, is_short
from secrets_app.sealing import keyring
from secrets_app.sealing.fingerprints import Fingerprinter


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret and its sealed value in one environment; None for a secret or value that does not exist."""

    secret: Secret | None
    value: SecretValue | None


Needed = tuple[Organization, Iterable[str], Environment]
"""The secrets that a call needs: their organization and names, and the environment of their values."""

Place = tuple[UUID, str, str]
"""The organization, the environment and the name of the secret of a value."""


_CURRENT = CompiledQuery(
    lambda: (
        SecretValue.objects.current()
        .filter(Among("secret__organization", "environment", "secret__name"))
        .select_related("data_key", "secret")
    )
)
"""Current values by organization, environment and secret name, with their secrets and data keys."""


@dataclass(frozen=True, slots=True)
class FingerprintedValue:
    """The place of a value, its fingerprint, and whether it is short. Equal values have equal fingerprints."""

    secret_id: UUID
    name: str
    environment: Environment
    fingerprint: bytes
    is_short: bool


class Unreadable(Exception):  # noqa: N818 - a result that the broker turns into a refusal
    """The value of the named secret does not open."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def find(organization: Organization, names: Iterable[str], environment: Environment) -> dict[str, FoundSecret]:
    """Look secrets up by exact name, without opening a value.

    Returns:
        an entry for every requested name.
    """
    return find_all([(organization, names, environment)])[0]


def find_all(needed: Sequence[Needed], read: Iterable[SecretValue] = ()) -> list[dict[str, FoundSecret]]:
    """Look up the secrets of several calls, as `find` does for one, and return them in the same order.

    This takes one query, or two if a secret has no value in the environment.

    Args:
        read: current values that were just read with their secrets and data keys; only others are looked up.
    """
    wanted, found = [_places(*one) for one in needed], _by_place(read)
    if unread := {place for places in wanted for place in places.values() if place not in found}:
        found |= _look_up(unread)
    return [{name: found[place] for name, place in places.items()} for places in wanted]


def _places(organization: Organization, names: Iterable[str], environment: Environment) -> dict[str, Place]:
    where = environment.value
    return {name: (organization.id, where, name) for name in names}


def _by_place(values: Iterable[SecretValue]) -> dict[Place, FoundSecret]:
    return {_place(value): FoundSecret(value.secret, value) for value in values}


def _place(value: SecretValue) -> Place:
    return value.secret.organization_id, value.environment, value.secret.name


def _look_up(places: set[Place]) -> dict[Place, FoundSecret]:
    found = _by_place(_CURRENT.ask(places))
    left = places - found.keys()
    secrets = _secrets({(organization, name) for organization, _, name in left})
    return found | {place: FoundSecret(secrets.get((place[0], place[2])), None) for place in left}


def _secrets(keys: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], Secret]:
    """Return the secrets with these organizations and names."""
    names = [Q(organization=organization, name=name) for organization, name in keys]
    rows = Secret.objects.filter(reduce(or_, names)) if names else ()
    return {(row.organization_id, row.name): row for row in rows}


def find_with_staged(
    organization: Organization, names: Iterable[str], environment: Environment, staged_id: UUID
) -> dict[str, FoundSecret]:
    """Look secrets up as `find` does, with a staged value in place of the current value of its secret.

    If the value is no longer staged (promoted, discarded or replaced), the result has no value for that secret, so that
    a check never uses another value by mistake.
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


def open_values(
    found: Mapping[str, FoundSecret], *, actor: Actor, opened: MutableMapping[int, Plaintext] | None = None
) -> dict[str, Plaintext]:
    """Open the values that a run needs, after every check has passed.

    Args:
        found: the secrets and their sealed values, by name.
        actor: the caller, who is named in the audit log if a value does not open.
        opened: what was opened for other runs of the same job, by `id` of the row. Calls that share a row share it.

    Raises:
        Unreadable: a value does not exist or does not open. An altered value is marked, and the audit log records it.
    """
    opened, values = {} if opened is None else opened, {}
    for name, entry in found.items():
        if entry.value is None or entry.value.unreadable:
            raise Unreadable(name)
        if id(entry.value) not in opened:
            opened[id(entry.value)] = _open(name, entry.value, actor)
        values[name] = opened[id(entry.value)]
    return values


def _open(name: str, value: SecretValue, actor: Actor) -> Plaintext:
    try:
        return keyring.unseal(value)
    except keyring.KeyLost:
        raise Unreadable(name) from None
    except keyring.CannotOpen:
        _mark_unreadable(value, actor)
        raise Unreadable(name) from None


def open_for_masking(secrets: QuerySet[Any]) -> list[tuple[str, Plaintext]]:
    """Open the values that answers must not contain, with the names of their secrets.

    Args:
        secrets: a queryset of the secrets' ids. Identifiers among them are left out, since everybody may see them.

    Returns:
        current, staged and previous values of every environment, except those that do not open.
    """
    kept = [ValueState.CURRENT.value, ValueState.STAGED.value, ValueState.PREVIOUS.value]
    rows = SecretValue.objects.filter(secret__in=secrets, secret__is_identifier=False, state__in=kept, unreadable=False)
    opened = []
    for row in rows.select_related("data_key", "secret"):
        with suppress(keyring.CannotOpen):
            opened.append((row.secret.name, keyring.unseal(row)))
    return opened


def fingerprint_values(
    organization: Organization, fingerprinter: Fingerprinter, *, actor: Actor, limit: int
) -> tuple[list[FingerprintedValue], int]:
    """Open the organization's current values one at a time and keep only their fingerprints.

    Args:
        fingerprinter: holds a key that was created for this comparison and is not stored.
        limit: the maximum number of values, taken by the name of their secrets.

    Returns:
        the fingerprinted values, and the number of values that did not open.
    """
    rows = SecretValue.objects.current().filter(secret__organization=organization)
    rows = rows.select_related("secret", "data_key").order_by("secret__name", "environment")
    fingerprinted, failed = [], []
    for row in rows[:limit].iterator(chunk_size=200):
        try:
            if row.unreadable:
                raise keyring.KeyLost
            fingerprinted.append(_fingerprinted(row, keyring.unseal(row), fingerprinter))
        except keyring.CannotOpen as failure:
            failed.append((row, isinstance(failure, keyring.KeyLost)))
    for row, is_key_lost in failed:
        if not is_key_lost:
            _mark_unreadable(row, actor)
    return fingerprinted, len(failed)


def _fingerprinted(row: SecretValue, value: Plaintext, fingerprinter: Fingerprinter) -> FingerprintedValue:
    return FingerprintedValue(
        row.secret_id, row.secret.name, Environment(row.environment), fingerprinter.fingerprint(value), is_short(value)
    )


def _mark_unreadable(value: SecretValue, actor: Actor) -> None:
    with transaction.atomic():
        marked = SecretValue.objects.filter(pk=value.pk, unreadable=False, sealed=value.sealed).update(unreadable=True)
        if marked:
            environment = Environment(value.environment)
            trail.record(trail.Event.SECRET_UNREADABLE, actor=actor, target=value.secret, environment=environment)
