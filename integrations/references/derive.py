"""Which slot uses which secret: derived from the saved configuration, in the transaction that saves it.

A name without a secret keeps its reference, unbound, until a secret of that name is created.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import OuterRef, Subquery

from accounts.errors import FieldError, Invalid
from accounts.models import Organization
from integrations.kinds import KINDS
from integrations.models import Integration, SecretReference
from secrets_app.models import Secret


def derive(integration: Integration, parsed: Any) -> list[SecretReference]:
    """Make the rows say what the configuration says. Rows that stay keep their last use.

    Locks every secret that is named, in the order of names, so that a deletion at the same moment waits or fails.

    Args:
        parsed: the configuration, as the integration's kind parsed it.

    Returns:
        the references as they are now.

    Raises:
        Invalid: a new reference to a disabled secret (docs/concepts.md, "Disabling and deleting").
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
    return [_put(integration, slot, name, secrets.get(name), present.get((slot, name))) for slot, name in sorted(named)]


def bind_waiting(*, secret: Secret, **_: Any) -> None:
    """A secret was created: bind the references that waited for its name."""
    SecretReference.objects.filter(organization=secret.organization, name=secret.name, secret=None).update(
        secret=secret
    )


def bind_all_waiting(*, organization: Organization, secrets: Sequence[Secret], **_: Any) -> None:
    """Many secrets were created at once: the same in one statement."""
    names = [secret.name for secret in secrets]
    bearer = Secret.objects.of(organization).filter(name=OuterRef("name"))
    SecretReference.objects.filter(organization=organization, name__in=names, secret=None).update(
        secret=Subquery(bearer.values("pk")[:1])
    )


def move(integration: Integration, old_name: str, secret: Secret) -> None:
    """The integration's configuration has just been rewritten to name `secret` in place of `old_name`: so do its rows.

    A slot that named both keeps one row. Last uses stay.
    """
    rows = {(row.slot, row.name): row for row in integration.references.filter(name__in=[old_name, secret.name])}
    for row in [row for (_, name), row in rows.items() if name == old_name]:
        twin = rows.get((row.slot, secret.name))
        if twin:
            twin.last_used_at = max(filter(None, [twin.last_used_at, row.last_used_at]), default=None)
            row.delete()
        kept = twin or row
        kept.name, kept.secret = secret.name, secret
        kept.save()


def _locked(organization: Organization, names: set[str]) -> dict[str, Secret]:
    rows = Secret.objects.of(organization).select_for_update().filter(name__in=names).order_by("name")
    return {secret.name: secret for secret in rows}


def _refuse_disabled(new: dict[tuple[str, str], str], secrets: dict[str, Secret]) -> None:
    errors = [
        FieldError(field, f"The secret {name} is disabled. Enable it first, or use another one.")
        for (_, name), field in sorted(new.items())
        if name in secrets and not secrets[name].enabled
    ]
    if errors:
        raise Invalid("The integration was not saved.", errors=errors)


def _put(
    integration: Integration, slot: str, name: str, secret: Secret | None, row: SecretReference | None
) -> SecretReference:
    row = row or SecretReference(integration=integration, organization=integration.organization, slot=slot, name=name)
    row.secret = secret
    row.needed_in = integration.environments if integration.enabled else frozenset()
    row.save()
    return row
