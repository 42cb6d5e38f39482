"""One secret or integration by name: created, or brought to the state that is declared.

Only what is given is declared; anything else stays as it is. Values of secrets are never compared, so a value that is
given is stored, and nobody learns whether it was there already.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from accounts.actors import Actor
from accounts.errors import EditConflict, FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.declared.parents import with_ids
from integrations.editing.fields import NOT_SAVED
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.models import Integration
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import create_secret, update_secret
from secrets_app.models import Secret

CREATED_WITH = ("description", "tool_name", "only_approved_tools", "enabled", "environments")


@dataclass(frozen=True, slots=True)
class KnownState:
    """What the caller knows of the object: its version, or that there is none."""

    version: int | None = None
    absent: bool = False

    def check(self, *, exists: bool) -> None:
        """Check that the object is there, or is not, as the caller believes.

        Raises:
            EditConflict: it is otherwise.
        """
        if self.absent and exists:
            raise EditConflict("This name exists already. Leave If-None-Match out to change what has it.")
        if self.version is not None and not exists:
            raise EditConflict("Nothing has this name any more. Leave If-Match out to create it.")


def put_secret(*, actor: Actor, name: str, changes: SecretChanges, seen: KnownState) -> tuple[Secret, bool]:
    """Create a secret, or change the one of this name. Where nothing changes, nothing is written.

    Returns:
        the secret, and whether it is new.

    Raises:
        EditConflict: the caller knows another version.
        PermissionDenied, Invalid: as `create_secret` and `update_secret`.
    """
    actor.check(Permission.SECRETS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        found = Secret.objects.of(actor.organization).filter(name=name).first()
        seen.check(exists=found is not None)
        if found:
            changed = update_secret(
                actor=actor, secret_id=found.pk, changes=replace(changes, name=None), expected_version=seen.version
            )
            return changed, False
        return _new_secret(actor, name, changes), True


def _new_secret(actor: Actor, name: str, changes: SecretChanges) -> Secret:
    return create_secret(
        actor=actor,
        name=name,
        values={environment: value for environment, value in changes.values.items() if value is not None},
        description=changes.description or "",
        allowed_domains=changes.allowed_domains or [],
        enabled=changes.enabled is not False,
        is_identifier=bool(changes.is_identifier),
        required_in=changes.required_in or (),
        rotate_every_days=changes.rotate_every_days,
        expires_on=changes.expires_on,
        expires_with_values=changes.expires_with_values,
        entered_once=changes.entered_once,
        allow_short=changes.allow_short,
    )


def find_secret(actor: Actor, name: str) -> Secret:
    """Return the secret of exactly this name.

    Raises:
        NotFound: there is none.
    """
    for found in Secret.objects.of(actor.organization).filter(name=name):
        return found
    raise NotFound("No such secret.")


def put_integration(
    *, actor: Actor, name: str, kind: str | None, changes: IntegrationChanges, seen: KnownState
) -> tuple[Integration, bool]:
    """Create an integration, or change the one of this name. Where nothing changes, nothing is written.

    Args:
        kind: needed for a new one; otherwise it may say only what is stored.
        changes: the configuration names its connection and connector, or has their ids.

    Returns:
        the integration, and whether it is new.

    Raises:
        EditConflict: the caller knows another version.
        PermissionDenied, Invalid, RawCredential, ProofNeeded: as `create_integration` and `update_integration`.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        found = _named(actor, name)
        seen.check(exists=found is not None)
        changes = _with_ids(actor, found.kind if found else kind or "", changes)
        if found is None:
            return _new_integration(actor, name, kind, changes), True
        if kind not in {None, found.kind}:
            raise _refused("kind", "The kind of an integration cannot be changed. Use another name.")
        changed = update_integration(
            actor=actor, integration_id=found.pk, changes=changes, expected_version=seen.version
        )
        return changed, False


def find_integration(actor: Actor, name: str) -> Integration:
    """Return the integration of exactly this name.

    Raises:
        NotFound: there is none that the actor may see.
    """
    for found in Integration.objects.visible_to(actor).filter(name=name):
        return found
    raise NotFound("No such integration.")


def _named(actor: Actor, name: str) -> Integration | None:
    """Return the integration of this name.

    Raises:
        Invalid: one has the name in another spelling.
    """
    rows = list(Integration.objects.visible_to(actor).filter(name__iexact=name))
    if rows and rows[0].name != name:
        raise _refused("name", f"There is an integration called {rows[0].name} already. Write its name like that.")
    return rows[0] if rows else None


def _with_ids(actor: Actor, kind: str, changes: IntegrationChanges) -> IntegrationChanges:
    if changes.config is None:
        return changes
    config, errors = with_ids(actor, kind, changes.config)
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    return replace(changes, config=config)


def _new_integration(actor: Actor, name: str, kind: str | None, changes: IntegrationChanges) -> Integration:
    given: dict[str, Any] = {field: getattr(changes, field) for field in CREATED_WITH}
    missing = [field for field, value in (("kind", kind), ("config", changes.config)) if value is None]
    if kind is None or changes.config is None:
        raise Invalid(NOT_SAVED, errors=[FieldError(field, "A new integration needs this field.") for field in missing])
    return create_integration(
        actor=actor,
        kind=kind,
        name=name,
        config=changes.config,
        accept_raw_credentials=changes.accept_raw_credentials,
        **{field: value for field, value in given.items() if value is not None},
    )


def _refused(field: str, sentence: str) -> Invalid:
    return Invalid(NOT_SAVED, errors=[FieldError(field, sentence)])
