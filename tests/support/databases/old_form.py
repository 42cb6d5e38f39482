"""Rows as versions before keyed audit logs and bound domains wrote them."""

from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.models import AuditEvent, AuditHead
from secrets_app.models import SecretValue
from secrets_app.sealing import crypto, keyring
from tests.support.audit import audit_unlocked


def sealed_in_old_form(value: SecretValue, text: str) -> bytes:
    """The text in the old form, for the place of a value."""
    bound = keyring.context(value.secret, Environment(value.environment), value.version, value.data_key)
    fields = crypto._place_fields(bound)
    return crypto._seal(keyring.unwrap(value.data_key), text.encode(), crypto._OLD_VALUE, bound.data_key, fields)


def put_into_old_form(organization, text: str) -> None:
    """Seal every value of an organization in the old form, and take the keys out of its log."""
    rows = SecretValue.objects.filter(secret__organization=organization, sealed__isnull=False)
    for value in rows.select_related("secret", "data_key"):
        SecretValue.objects.filter(pk=value.pk).update(sealed=sealed_in_old_form(value, text))
    chain_without_keys(organization)


def chain_without_keys(organization) -> None:
    """Compute the chain as it was before there were keys."""
    previous, last = b"", 0
    with audit_unlocked():
        for event in AuditEvent.objects.filter(organization_id=organization.pk).order_by("sequence"):
            event.key_id = None
            event.chain = previous = trail.chain_hash(previous, event, None)
            event.save()
            last = event.sequence
        AuditHead.objects.filter(pk=organization.pk).update(sequence=last, chain=previous)
