"""The mail that says that new values are due, to those who can rotate: owners and admins (`manage.py housekeeping`).

One mail for an organization and a day, with the secrets that became due; each secret is told of once for each due
date, whoever runs this and how often. Where the mail server took none of the mails, the next run tells again.
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
    """A secret of which a new value is due."""

    name: str
    at: datetime


def remind() -> int:
    """Write to every organization in which a new value became due; how many secrets were told of."""
    return sum(_remind(organization) for organization in Organization.objects.order_by("pk"))


def _remind(organization: Organization) -> int:
    people = _people(organization)
    if not people:
        return 0
    noted, due = _note(organization)
    if not due or send([_email(organization, address, due) for address in people], about="rotation due"):
        return len(due)
    RotationReminder.objects.filter(pk__in=noted).delete()
    return 0


def _people(organization: Organization) -> list[str]:
    roles = [role.value for role in Role if Permission.SECRETS_WRITE in permissions_of_role(role)]
    members = Membership.objects.filter(organization=organization, role__in=roles, user__is_active=True)
    return list(members.order_by("user__email").values_list("user__email", flat=True))


def _note(organization: Organization) -> tuple[list[Any], list[_Due]]:
    """Note who is to be told of now, before it is told: another run at this moment waits, and then finds nothing."""
    with transaction.atomic():
        lock_organization(organization)
        due = {(secret.pk, _due_at(secret)): secret for secret in findings.overdue(organization)}
        told = set(
            RotationReminder.objects.filter(secret__organization=organization).values_list("secret_id", "due_at")
        )
        new = [key for key in due if key not in told]
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
