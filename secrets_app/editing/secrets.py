"""The life of a secret: create, edit, switch on and off, delete. Each act authorizes, checks, changes and audits."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.constraints import violates
from accounts.common.environments import Environment
from accounts.errors import EditConflict, FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from secrets_app.editing.edits import NOT_SAVED, SecretChanges, replaced, require_new_values, set_fields
from secrets_app.editing.values import destroy, environments_with_value, store_values, values_of
from secrets_app.errors import SecretInUse
from secrets_app.models import Secret, ValueState
from secrets_app.plaintext import Plaintext
from secrets_app.requests import answering
from secrets_app.signals import secret_created, secret_renamed
from secrets_app.validation.fields import Problems

BESIDE = (ValueState.STAGED, ValueState.PREVIOUS)
STORED = (ValueState.CURRENT, *BESIDE)


def create_secret(
    *,
    actor: Actor,
    name: str,
    values: Mapping[Environment, Plaintext] | None = None,
    description: str = "",
    allowed_domains: Iterable[str] = (),
    enabled: bool = True,
    rotate_every_days: int | None = None,
    entered_once: bool = False,
    allow_short: bool = False,
    answers: UUID | None = None,
) -> Secret:
    """Store a new secret, with or without values. References that wait for its name are bound in the same transaction.

    Args:
        answers: the request that it was made for; open requests for its very name are answered anyway.

    Raises:
        PermissionDenied: the actor may not write secrets, or not in these environments.
        Invalid, ValueTooShort: a field breaks its rule; nothing is stored.
    """
    actor.check(Permission.SECRETS_WRITE)
    values, allowed_domains = values or {}, list(allowed_domains)
    actor.check_environments(*values)
    problems = Problems()
    problems.check_name(name, actor.organization)
    problems.check_description(description)
    problems.check_rotation(rotate_every_days)
    problems.check_values(values, allow_short=allow_short)
    problems.check_production(actor.organization, values, allowed_domains)
    domains = problems.clean_domains(allowed_domains, operator_hosts=bool(settings.EGRESS_ALLOW))
    problems.refuse(NOT_SAVED)
    try:
        with transaction.atomic():
            lock_organization(actor.organization)
            secret = Secret.objects.create(
                organization=actor.organization,
                name=name,
                description=description,
                enabled=enabled,
                allowed_domains=domains,
                rotate_every_days=rotate_every_days,
            )
            store_values(values_of(secret, values), actor=actor, entered_once=entered_once)
            secret_created.send(sender=Secret, secret=secret)
            trail.record(
                trail.Event.SECRET_CREATED,
                actor=actor,
                target=secret,
                values=[environment.value for environment in values],
                domains=domains,
            )
            answering.answer([secret], actor=actor, chosen=answers)
    except IntegrityError as error:
        raise _refusal(error) from None
    return secret


def update_secret(
    *, actor: Actor, secret_id: UUID, changes: SecretChanges, expected_version: int | None = None
) -> Secret:
    """Apply an edit, all or nothing. An edit that changes nothing writes nothing.

    Another name is written into every integration that uses the secret, in the same transaction (`secret_renamed`).

    Args:
        expected_version: the version that the caller saw; None for "whatever it is now".

    Raises:
        NotFound, PermissionDenied: as everywhere.
        EditConflict: somebody saved since `expected_version`.
        Invalid, ValueTooShort: a field breaks its rule.
        ValueRequired: the allowed domains change without new values for all environments that have one.
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
    before, domains_before = secret.name, secret.allowed_domains
    changed = set_fields(secret, changes)
    if "allowed_domains" in changed:
        require_new_values(secret, changes.values)
        _destroy_beside(secret, actor)
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
        **replaced(secret, changed, before, domains_before),
    )
    if "enabled" in changed:
        _record_switch(actor, secret)
    return secret


def set_enabled(*, actor: Actor, secret_id: UUID, enabled: bool) -> Secret:
    """Switch a secret on or off. Off stops every run that needs it, at once; its references stay.

    Raises:
        NotFound, PermissionDenied: as everywhere. Staff may switch off, not on.
    """
    actor.check(Permission.SECRETS_WRITE if enabled else Permission.SECRETS_DISABLE)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        if secret.enabled != enabled:
            secret.enabled = enabled
            _save(secret, ["enabled"])
            _record_switch(actor, secret)
    return secret


def set_all_enabled(*, actor: Actor, secret_ids: Iterable[UUID], enabled: bool) -> list[Secret]:
    """Switch several secrets on or off, all or none.

    Returns:
        those that were switched; the others were so already.

    Raises:
        NotFound: one of them is none of the organization's; nothing is switched.
        PermissionDenied: as `set_enabled`.
    """
    actor.check(Permission.SECRETS_WRITE if enabled else Permission.SECRETS_DISABLE)
    wanted = set(secret_ids)
    with transaction.atomic():
        lock_organization(actor.organization)
        found = list(Secret.objects.of(actor.organization).select_for_update().filter(pk__in=wanted).order_by("name"))
        if len(found) != len(wanted):
            raise NotFound("One of these secrets does not exist any more. Load the list again.")
        switched = [secret for secret in found if secret.enabled != enabled]
        for secret in switched:
            secret.organization, secret.enabled = actor.organization, enabled
            _save(secret, ["enabled"])
            _record_switch(actor, secret)
    return switched


def delete_secret(*, actor: Actor, secret_id: UUID) -> None:
    """Delete a secret that nothing refers to, and destroy its values.

    Raises:
        NotFound, PermissionDenied: as everywhere.
        SecretInUse: references exist, also when one was added at this very moment.
    """
    actor.check(Permission.SECRETS_WRITE)
    try:
        with transaction.atomic():
            secret = lock_secret(actor, secret_id, None)
            actor.check_environments(*environments_with_value(secret, *STORED))
            _refuse_if_used(secret)
            Secret.objects.filter(pk=secret.pk).delete()
            trail.record(trail.Event.SECRET_DELETED, actor=actor, target=secret)
    except IntegrityError:
        raise SecretInUse("A reference to this secret was added just now.", references=[]) from None


def lock_secret(actor: Actor, secret_id: UUID, expected_version: int | None) -> Secret:
    """The secret, locked until the transaction ends.

    Raises:
        NotFound: none in the actor's organization.
        EditConflict: its version is another one than expected.
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
    """Tell the app above. References that wait for the new name get the secret's values: the actor answers for them."""
    actor.check_environments(*environments_with_value(secret))
    secret_renamed.send(sender=Secret, secret=secret, old_name=before, actor=actor)
    answering.answer([secret], actor=actor)


def _refusal(error: IntegrityError) -> Exception:
    """The name was taken at this very moment; anything else that a constraint refuses is a fault of ours."""
    if not violates(error, "secret_name_once_per_organization"):
        return error
    return Invalid(NOT_SAVED, errors=[FieldError("name", "Somebody has just taken this name. Choose another one.")])


def _destroy_beside(secret: Secret, actor: Actor) -> None:
    """Neither a staged value nor one that is kept for a roll-back goes to domains that it was not entered for."""
    kept_in = environments_with_value(secret, *BESIDE)
    actor.check_environments(*kept_in)
    for environment in kept_in:
        destroy(secret, environment, *BESIDE)


def _record_switch(actor: Actor, secret: Secret) -> None:
    event = trail.Event.SECRET_ENABLED if secret.enabled else trail.Event.SECRET_DISABLED
    trail.record(event, actor=actor, target=secret, version=secret.version)


def _save(secret: Secret, changed: list[str]) -> None:
    secret.version += 1
    secret.save(update_fields=[*changed, "version", "updated_at"])


def _refuse_if_used(secret: Secret) -> None:
    references = list(secret.references.select_related("integration").order_by("integration__name", "slot"))
    if references:
        raise SecretInUse(
            f"{secret.name} is used by {len(references)} reference{'s' if len(references) > 1 else ''}. "
            "Remove or change them first, or disable the secret to stop its use now.",
            references=references,
        )
