"""Mail about overdue rotations, sent to owners and admins by `manage.py housekeeping`.

One mail lists all secrets of an organization that have become due since the last run. Each secret is reported once for
each due date, however often the command runs. If the mail server accepts none of the mails, the next run sends them
again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import occurrences
from accounts.common.when import date_in_words
from accounts.mail.sending import Email, link, quoted, send
from accounts.models import Organization
from accounts.occurrences import Occurred
from accounts.people.locks import lock_organization
from accounts.people.members import people_with
from accounts.policy import Permission
from secrets_app.hygiene.due import overdue
from secrets_app.models import RotationReminder, Secret
from secrets_app.naming import expiry

NAMED_AT_MOST = 50
DAYS_BEFORE = (0, 1, 7, 14, 30)
"""When it is told that a secret expires: that many days before its last day."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A secret whose rotation is due, and since when."""

    name: str
    at: datetime


def remind() -> int:
    """Send the mail of every organization in which a rotation became due, and return the number of secrets reported."""
    return sum(_remind(organization) for organization in Organization.objects.order_by("pk"))


def _remind(organization: Organization) -> int:
    people = _people(organization)
    if not people:
        return 0
    recorded, due = _record_due(organization)
    if not due or send([_email(organization, address, due) for address in people], about="rotation due"):
        return len(due)
    RotationReminder.objects.filter(pk__in=recorded).delete()
    return 0


def _people(organization: Organization) -> list[str]:
    return [member.user.email for member in people_with(organization, Permission.SECRETS_WRITE)]


def _record_due(organization: Organization) -> tuple[list[Any], list[_Due]]:
    """Record the secrets to report before the mail is sent, so that a concurrent run does not report them again."""
    with transaction.atomic():
        lock_organization(organization)
        due = {(secret.pk, _due_at(secret)): secret for secret in overdue(organization)}
        reported = set(
            RotationReminder.objects.filter(secret__organization=organization).values_list("secret_id", "due_at")
        )
        new = [key for key in due if key not in reported]
        for pk, at in new:
            data = {"secret": {"id": str(pk), "name": due[pk, at].name}, "due_at": at.isoformat()}
            occurrences.record(organization.pk, Occurred.SECRET_DUE, data, once=f"{pk}:{at.isoformat()}")
        rows = RotationReminder.objects.bulk_create(RotationReminder(secret_id=pk, due_at=at) for pk, at in new)
    return [row.pk for row in rows], [_Due(due[key].name, key[1]) for key in new]


def _due_at(secret: Any) -> datetime:
    return secret.oldest + timedelta(days=secret.rotate_every_days)


def _email(organization: Organization, address: str, due: Sequence[_Due]) -> Email:
    one = len(due) == 1
    lines = [f"{quoted(secret.name)}, since {date_in_words(secret.at)}" for secret in due[:NAMED_AT_MOST]]
    if len(due) > NAMED_AT_MOST:
        lines.append(f"and {len(due) - NAMED_AT_MOST} more")
    return Email(
        to=address,
        subject=f"Rotation due in {quoted(organization.name)} on Coffer",
        paragraphs=[
            f"A new value is due for {'this secret' if one else f'these {len(due)} secrets'}:",
            "\n".join(lines),
            f"Rotate {'it' if one else 'them'}, or change the interval:\n{link('hygiene', organization.slug)}",
        ],
    )


def tell_expiring() -> int:
    """Write an occurrence of each secret that expires soon, once for each of `DAYS_BEFORE`. Returns their number."""
    last = datetime.now(UTC).date() + timedelta(days=DAYS_BEFORE[-1])
    soon = Secret.objects.filter(expires_on__lte=last).order_by("organization", "expires_on", "pk")
    for secret in soon:
        if secret.expires_on:
            _tell_expiring(secret, secret.expires_on)
    return len(soon)


def _tell_expiring(secret: Secret, last: date) -> None:
    left = next(days for days in DAYS_BEFORE if expiry.days_left(last) <= days)
    data = {"secret": {"id": str(secret.pk), "name": secret.name}, "expires_on": last.isoformat()}
    once = f"{secret.pk}:{last}:{left}"
    occurrences.record(secret.organization_id, Occurred.SECRET_EXPIRING, data, once=once)
