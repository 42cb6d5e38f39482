"""The upgrade to sealed values that are bound to their allowed domains, and to audit logs with keys.

A value in the old form opens here and nowhere else, and it is sealed for whatever domains the database names now. So
this must not become a way around the domains for somebody who rewrites the database and puts an old row back: each
organization is upgraded once. That it was is an event in its audit log, which is keyed from then on, and the log has to
be intact; and the command remembers it outside the database. What remains: docs/threat-model.md, "Limits".
"""

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import BinaryField
from django.db.models.functions import Substr

from accounts.actors import actor_for_command
from accounts.audit import chain, trail
from accounts.common.environments import Environment
from accounts.models import AuditEvent, AuditHead, Organization
from secrets_app.models import Secret, SecretValue
from secrets_app.querysets import SecretValueQuerySet
from secrets_app.sealing import crypto, keyring
from secrets_app.sealing.background import Progress, in_batches

BATCH = 500
COMMAND = "upgrade_values"


@dataclass(slots=True)
class Upgrade:
    """What was done for one organization: the number of values, and a sentence for each that stays as it was."""

    organization: Organization
    sealed: int = 0
    left: list[str] = field(default_factory=list)


class LogNotIntact(Exception):  # noqa: N818 - tells the operator what to do
    """The audit log of an organization was changed, so that it does not say whether the upgrade was done before."""


def waiting() -> list[Organization]:
    """Return the organizations that were not upgraded yet, and a stand-in for each deleted one whose log was not."""
    done = set(AuditEvent.objects.filter(event=trail.Event.ORGANIZATION_UPGRADED.value).values_list("organization_id"))
    began_with_key = set(AuditEvent.objects.filter(sequence=1, key_id__isnull=False).values_list("organization_id"))
    finished = {pk for (pk,) in done | began_with_key}
    stored = {row.pk: row for row in Organization.objects.order_by("slug")}
    deleted = set(AuditHead.objects.filter(sequence__gt=0).values_list("pk", flat=True)) - set(stored)
    found = stored | {pk: Organization(id=pk, name="a deleted organization") for pk in sorted(deleted)}
    return [organization for pk, organization in found.items() if pk not in finished]


def old_values() -> list[str]:
    """Return the names of the secrets of all values in the old form, one for each value."""
    form = Substr("sealed", 1, 3, output_field=BinaryField())
    rows = SecretValue.objects.annotate(form=form).filter(form=crypto.OLD_FORM)
    return list(rows.values_list("secret__name", flat=True))


def count_values(organization: Organization) -> int:
    """Return how many values `upgrade` will look at."""
    return _stored(organization).count()


def upgrade(organization: Organization, *, progress: Progress, despite_findings: bool = False) -> Upgrade:
    """Seal the values of an organization again, and then record that this was done.

    It can be interrupted and run again: values that are done already stay as they are.

    Args:
        despite_findings: also if the audit log is not intact.

    Raises:
        LogNotIntact: the audit log was changed.
    """
    if not despite_findings and chain.verify(organization.pk, before_upgrade=True).findings:
        raise LogNotIntact
    result = Upgrade(organization)
    for batch in in_batches(_stored(organization).select_related("secret", "data_key"), BATCH):
        with transaction.atomic():
            for value in batch:
                _seal_again(value, result)
        progress(len(batch))
    with transaction.atomic():
        trail.record(
            trail.Event.ORGANIZATION_UPGRADED,
            actor=actor_for_command(organization, COMMAND),
            target=organization,
            values_sealed=result.sealed,
            values_left=len(result.left),
        )
    return result


def _stored(organization: Organization) -> SecretValueQuerySet:
    return SecretValue.objects.filter(secret__organization=organization.pk, sealed__isnull=False)


def _seal_again(value: SecretValue, result: Upgrade) -> None:
    before = bytes(value.sealed or b"")
    if not crypto.is_old_value(before):
        return
    place = f"{value.secret.name}, {Environment(value.environment).label}"
    logged = _logged_domains(value.secret)
    if logged is not None and logged != set(value.secret.allowed_domains):
        result.left.append(f"{place}: its allowed domains are not those of the audit log.")
        return
    context = keyring.context(value.secret, Environment(value.environment), value.version, value.data_key)
    try:
        data_key = keyring.unwrap(value.data_key)
        sealed = crypto.seal_value(data_key, crypto.open_old_value(data_key, before, context), context)
    except (keyring.KeyLost, crypto.Undecryptable):
        result.left.append(f"{place}: it does not open.")
        return
    result.sealed += SecretValue.objects.filter(pk=value.pk, sealed=before).update(sealed=sealed)


def _logged_domains(secret: Secret) -> set[str] | None:
    """Return the allowed domains that the audit log names last for a secret, or None if it names none."""
    events = AuditEvent.objects.filter(organization_id=secret.organization_id, target_id=secret.pk)
    written = [trail.Event.SECRET_CREATED.value, trail.Event.SECRET_CHANGED.value]
    named = events.filter(event__in=written, data__has_key="domains").order_by("-sequence").first()
    return set(named.data["domains"]) if named else None
