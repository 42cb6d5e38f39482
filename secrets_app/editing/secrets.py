"""Creating, editing and switching secrets.

Each function authorizes the actor, checks the input, makes the change and records it in the audit log.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.constraints import violates
from accounts.common.environments import Environment, in_order
from accounts.errors import EditConflict, FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from secrets_app.editing.bounds import WITHOUT_EFFECT, check_bounds
from secrets_app.editing.edits import (
    NOT_SAVED,
    SecretChanges,
    audit_details,
    opens_values,
    require_new_values,
    set_fields,
)
from secrets_app.editing.values import destroy, environments_with_value, store_values, values_of
from secrets_app.models import Secret, ValueState
from secrets_app.plaintext import Plaintext
from secrets_app.requests import answering
from secrets_app.sealing.read_expiry import first_expiry
from secrets_app.signals import secret_created, secret_renamed
from secrets_app.validation.fields import Problems

NOT_CURRENT = (ValueState.STAGED, ValueState.PREVIOUS)


def create_secret(
    *,
    actor: Actor,
    name: str,
    values: Mapping[Environment, Plaintext] | None = None,
    description: str = "",
    allowed_domains: Iterable[str] = (),
    enabled: bool = True,
    is_identifier: bool = False,
    required_in: Iterable[Environment] = (),
    rotate_every_days: int | None = None,
    expires_on: date | None = None,
    expires_with_values: bool = False,
    entered_once: bool = False,
    allow_short: bool = False,
    for_request: UUID | None = None,
) -> Secret:
    """Create a secret, with or without values. References that wait for its name are bound in the same transaction.

    Args:
        required_in: where it has to have a value, whether anything refers to it or not.
        is_identifier: everybody may see the value, such as an account id, so it is not masked in answers.
        expires_with_values: take the day on which it expires from the values (`secrets_app.sealing.read_expiry`).
        for_request: a request that the secret answers. Open requests for the same name are answered in any case.

    Raises:
        PermissionDenied, ProofNeeded: the actor may not write secrets here, or not bind the references that wait.
        Invalid, ValueTooShort: a field breaks its rule; nothing is stored.
    """
    actor.check(Permission.SECRETS_WRITE)
    values, required = values or {}, frozenset(required_in)
    actor.check_environments(*values, *in_order(required))
    secret = Secret(
        organization=actor.organization,
        name=name,
        description=description,
        enabled=enabled,
        is_identifier=is_identifier,
        required_in=required,
        rotate_every_days=rotate_every_days,
        expires_on=first_expiry(values.values()) if expires_with_values else expires_on,
    )
    expiring = values if expires_with_values else None
    secret.allowed_domains = _check_new(secret, values, expiring, list(allowed_domains), allow_short=allow_short)
    _store_new(secret, values, actor=actor, entered_once=entered_once, for_request=for_request)
    return secret


def _check_new(
    secret: Secret,
    values: Mapping[Environment, Plaintext],
    expiring: Mapping[Environment, Plaintext] | None,
    allowed_domains: list[str],
    *,
    allow_short: bool,
) -> list[str]:
    """Check the fields of a new secret, and return its allowed domains in their stored form."""
    problems = Problems()
    problems.check_name(secret.name, secret.organization)
    problems.check_description(secret.description)
    problems.check_rotation(secret.rotate_every_days)
    problems.check_expiry(secret.expires_on, expiring)
    problems.check_values(values, allow_short=allow_short)
    problems.check_required_domains(secret.organization, values, allowed_domains)
    domains = problems.clean_domains(allowed_domains, operator_hosts=bool(settings.EGRESS_ALLOW))
    problems.refuse(NOT_SAVED)
    return domains


def _store_new(
    secret: Secret,
    values: Mapping[Environment, Plaintext],
    *,
    actor: Actor,
    entered_once: bool,
    for_request: UUID | None,
) -> None:
    marks: dict[str, Any] = {"is_identifier": True} if secret.is_identifier else {}
    try:
        with transaction.atomic():
            lock_organization(actor.organization)
            secret.save(force_insert=True)
            store_values(values_of(secret, values), actor=actor, entered_once=entered_once, are_first=True)
            trail.record(
                trail.Event.SECRET_CREATED,
                actor=actor,
                target=secret,
                values=[environment.value for environment in values],
                domains=secret.allowed_domains,
                **marks,
            )
            secret_created.send(sender=Secret, secret=secret, actor=actor)
            answering.answer([secret], actor=actor, request_id=for_request)
    except IntegrityError as error:
        raise _refusal(error) from None


def update_secret(
    *, actor: Actor, secret_id: UUID, changes: SecretChanges, expected_version: int | None = None
) -> Secret:
    """Apply an edit in one transaction. An edit that changes nothing writes nothing.

    A new name is written into every integration that uses the secret, in the same transaction (`secret_renamed`).

    Args:
        expected_version: the version that the caller saw; None to accept any version.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not this one or in these environments (`check_bounds`).
        EditConflict: the secret was saved after `expected_version`.
        Invalid, ValueTooShort: a field breaks its rule.
        ValueRequired: domains change, or it becomes an identifier, without new values where it has some.
    """
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(*changes.values)
    try:
        with transaction.atomic():
            return _update(actor, secret_id, changes, expected_version)
    except IntegrityError as error:
        raise _refusal(error) from None


def _update(actor: Actor, secret_id: UUID, changes: SecretChanges, expected_version: int | None) -> Secret:
    if changes.name is not None:
        lock_organization(actor.organization)
    secret = lock_secret(actor, secret_id, expected_version)
    before, domains_before, required_before = secret.name, secret.allowed_domains, secret.required_in
    changed = set_fields(secret, changes)
    actor.check_environments(*in_order(secret.required_in ^ required_before))
    if set(changed) - WITHOUT_EFFECT:
        check_bounds(actor, secret)
    if opening := opens_values(secret, changed):
        require_new_values(secret, changes.values, opening)
        _destroy_staged_and_previous(secret, actor)
    store_values(values_of(secret, changes.values), actor=actor, entered_once=changes.entered_once)
    if not changed and not changes.values:
        return secret
    _save(secret, changed)
    if "name" in changed:
        _rename(actor, secret, before)
    trail.record(
        trail.Event.SECRET_CHANGED,
        actor=actor,
        target=secret,
        fields=changed,
        values=[environment.value for environment in changes.values],
        version=secret.version,
        **audit_details(secret, changed, before, domains_before),
    )
    if "enabled" in changed:
        _record_switch(actor, secret)
    return secret


def set_enabled(*, actor: Actor, secret_id: UUID, enabled: bool) -> Secret:
    """Enable or disable a secret. Disabling stops every run that needs it, from the next call on; references stay.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not do this. Staff may disable a secret but not enable it.
    """
    actor.check(Permission.SECRETS_WRITE if enabled else Permission.SECRETS_DISABLE)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        check_bounds(actor, secret)
        if secret.enabled != enabled:
            secret.enabled = enabled
            _save(secret, ["enabled"])
            _record_switch(actor, secret)
    return secret


def set_all_enabled(*, actor: Actor, secret_ids: Iterable[UUID], enabled: bool) -> list[Secret]:
    """Enable or disable several secrets in one transaction.

    Returns:
        the secrets that changed, without those that were already in that state.

    Raises:
        NotFound: one of the secrets does not exist in the actor's organization; nothing changes.
        PermissionDenied: as for `set_enabled`.
    """
    actor.check(Permission.SECRETS_WRITE if enabled else Permission.SECRETS_DISABLE)
    ids = set(secret_ids)
    with transaction.atomic():
        lock_organization(actor.organization)
        found = list(Secret.objects.of(actor.organization).select_for_update().filter(pk__in=ids).order_by("name"))
        if len(found) != len(ids):
            raise NotFound("One of these secrets does not exist any more. Load the list again.")
        switched = [secret for secret in found if secret.enabled != enabled]
        for secret in switched:
            check_bounds(actor, secret)
            secret.organization, secret.enabled = actor.organization, enabled
            _save(secret, ["enabled"])
            _record_switch(actor, secret)
    return switched


def lock_secret(actor: Actor, secret_id: UUID, expected_version: int | None) -> Secret:
    """Return a secret, locked until the transaction ends.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        EditConflict: its version differs from the expected version.
    """
    secret = Secret.objects.of(actor.organization).select_for_update().filter(pk=secret_id).first()
    if secret is None:
        raise NotFound("No such secret.")
    secret.organization = actor.organization
    if expected_version is not None and secret.version != expected_version:
        raise EditConflict(
            "Somebody else changed this secret since you opened it. Load it again and repeat your change."
        )
    return secret


def _rename(actor: Actor, secret: Secret, before: str) -> None:
    """Announce a new name. References that wait for it start to use the secret's values."""
    secret_renamed.send(sender=Secret, secret=secret, old_name=before, actor=actor)
    answering.answer([secret], actor=actor)


def _refusal(error: IntegrityError) -> Exception:
    """Return a refusal if the name was taken concurrently. Any other violation is a bug; return it unchanged."""
    if not violates(error, "secret_name_once_per_organization"):
        return error
    return Invalid(NOT_SAVED, errors=[FieldError("name", "Somebody has just taken this name. Choose another one.")])


def _destroy_staged_and_previous(secret: Secret, actor: Actor) -> None:
    """Destroy staged and previous values, which were entered for the old allowed domains."""
    environments = environments_with_value(secret, *NOT_CURRENT)
    actor.check_environments(*environments)
    for environment in environments:
        destroy(secret, environment, *NOT_CURRENT)


def _record_switch(actor: Actor, secret: Secret) -> None:
    event = trail.Event.SECRET_ENABLED if secret.enabled else trail.Event.SECRET_DISABLED
    trail.record(event, actor=actor, target=secret, version=secret.version)


def _save(secret: Secret, changed: list[str]) -> None:
    secret.version += 1
    secret.save(update_fields=[*changed, "version", "updated_at"])
