"""Mail about overdue rotations, sent to owners and admins by `manage.py housekeeping`.

One mail lists all secrets of an organization that have become due since the last run. Each secret is reported once for
each due date, however often the command runs. If the mail server accepts none of the mails, the next run sends them
again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.common.when import date_in_words
from accounts.mail.sending import Email, link, quoted, send
from accounts.models import Membership, Organization
from accounts.people.locks import lock_organization
from accounts.policy import Permission, Role, permissions_of_role
from secrets_app.hygiene import findings
from secrets_app.models import RotationReminder

NAMED_AT_MOST = 50


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
    roles = [role.value for role in Role if Permission.SECRETS_WRITE in permissions_of_role(role)]
    members = Membership.objects.filter(organization=organization, role__in=roles, user__is_active=True)
    return list(members.order_by("user__email").values_list("user__email", flat=True))


def _record_due(organization: Organization) -> tuple[list[Any], list[_Due]]:
    """Record the secrets to report before the mail is sent, so that a concurrent run does not report them again."""
    with transaction.atomic():
        lock_organization(organization)
        due = {(secret.pk, _due_at(secret)): secret for secret in findings.overdue(organization)}
        reported = set(
            RotationReminder.objects.filter(secret__organization=organization).values_list("secret_id", "due_at")
        )
        new = [key for key in due if key not in reported]
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
