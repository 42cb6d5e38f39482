"""Deriving references from a configuration, in the transaction that saves it.

A name without a secret keeps an unbound reference until a secret with that name is created.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import OuterRef, Subquery

from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.models import Organization
from integrations.kinds import KINDS
from integrations.models import Integration, SecretReference
from integrations.references import gained
from integrations.references.destinations import derive_for, sent_because_of
from secrets_app.models import Secret


def derive(integration: Integration, parsed: Any) -> list[SecretReference]:
    """Update the references of an integration to match its configuration, and where their secrets go.

    Existing rows keep their last use.

    All named secrets are locked in the order of names, so that a concurrent deletion waits or fails.

    Args:
        parsed: the configuration, as parsed by the kind of the integration.

    Returns:
        the references.

    Raises:
        Invalid: a new reference names a disabled secret (docs/concepts.md, "Disabling and deleting").
    """
    fields = {
        (slot.path, name): slot.field
        for slot in KINDS[integration.kind].slots(parsed)
        for name in slot.template.secret_names
    }
    named = fields.keys()
    secrets = _locked(integration.organization, {name for _, name in named})
    present = {(row.slot, row.name): row for row in integration.references.all()}
    _refuse_disabled({key: field for key, field in fields.items() if key not in present}, secrets)
    SecretReference.objects.filter(pk__in=[row.pk for key, row in present.items() if key not in named]).delete()
    rows = [
        _save(integration, slot, name, secrets.get(name), present.get((slot, name))) for slot, name in sorted(named)
    ]
    derive_for([integration.pk])
    return rows


def bind_waiting(*, secret: Secret, actor: Actor, **_: Any) -> None:
    """Bind references that wait for the name of a created or renamed secret.

    Raises:
        PermissionDenied, ProofNeeded: as `gained.judge`.
    """
    bind_all_waiting(organization=secret.organization, secrets=[secret], actor=actor)


def bind_all_waiting(*, organization: Organization, secrets: Sequence[Secret], actor: Actor, **_: Any) -> None:
    """Bind references that wait for the names of created secrets, in one statement.

    Raises:
        PermissionDenied, ProofNeeded: as `gained.judge`.
    """
    names = [secret.name for secret in secrets]
    waiting = SecretReference.objects.filter(organization=organization, name__in=names, secret=None)
    bound = list(waiting.values_list("pk", flat=True))
    if bound:
        named = Secret.objects.of(organization).filter(name=OuterRef("name"))
        waiting.update(secret=Subquery(named.values("pk")[:1]))
        gained.judge(actor, sent_because_of(bound))


def move(integration: Integration, old_name: str, secret: Secret) -> None:
    """Update the references of a configuration that was rewritten to name `secret` instead of `old_name`.

    A slot that named both keeps one row, with the later last use.
    """
    rows = {(row.slot, row.name): row for row in integration.references.filter(name__in=[old_name, secret.name])}
    for row in [row for (_, name), row in rows.items() if name == old_name]:
        existing = rows.get((row.slot, secret.name))
        if existing:
            existing.last_used_at = max(filter(None, [existing.last_used_at, row.last_used_at]), default=None)
            row.delete()
        kept = existing or row
        kept.name, kept.secret = secret.name, secret
        kept.save()


def _locked(organization: Organization, names: set[str]) -> dict[str, Secret]:
    rows = Secret.objects.of(organization).select_for_update().filter(name__in=names).order_by("name")
    return {secret.name: secret for secret in rows}


def _refuse_disabled(new: dict[tuple[str, str], str], secrets: dict[str, Secret]) -> None:
    errors = [
        FieldError(field, f"The secret {name} is disabled. Enable it first, or use another secret.")
        for (_, name), field in sorted(new.items())
        if name in secrets and not secrets[name].enabled
    ]
    if errors:
        raise Invalid("The integration was not saved.", errors=errors)


def _save(
    integration: Integration, slot: str, name: str, secret: Secret | None, row: SecretReference | None
) -> SecretReference:
    row = row or SecretReference(integration=integration, organization=integration.organization, slot=slot, name=name)
    row.secret = secret
    row.needed_in = integration.environments if integration.enabled else frozenset()
    row.save()
    return row
