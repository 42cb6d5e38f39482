"""Who decides an approval: owners, admins, and the people whom the rule names; how they are called and told."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from accounts.common.when import exact
from accounts.mail.sending import Email, link, quoted
from accounts.models import Membership, Organization
from accounts.people.members import people_with
from accounts.policy import Permission
from integrations.models import Approval

MAILS = "approval"
"""What the log and the outbox call these mails."""
EVERYBODY = "an owner or admin"
LENGTH = Approval._meta.get_field("asked").max_length or 300


def page_of(approval: Approval) -> str:
    """Return the address of the page on which people decide."""
    return page_at(approval.organization.slug, approval.pk)


def page_at(slug: str, approval_id: UUID) -> str:
    """Return the same of an approval of the organization with this slug."""
    return link("approval", slug, approval_id)


def named(organization: Organization, ids: Iterable[UUID]) -> list[Membership]:
    """Return the memberships of those named people who belong to the organization and can sign in."""
    mine = Membership.objects.filter(organization=organization, user__in=list(ids), user__is_active=True)
    return list(mine.select_related("user").order_by("user__email"))


def in_words(people: Iterable[Membership]) -> str:
    """Return who is asked: `an owner or admin`, with the named people before."""
    names = ", ".join(str(membership.user) for membership in people)
    return f"{names}, or {EVERYBODY}"[:LENGTH] if names else EVERYBODY


def mails_about(approval: Approval, people: Iterable[Membership], until: datetime) -> list[Email]:
    """Return the mails that ask for a decision: to the named people, else to owners and admins. Without arguments."""
    asked = list(people) or list(people_with(approval.organization, Permission.APPROVALS_DECIDE))
    name = quoted(approval.name)
    said = [f"Said by the agent, not checked: {quoted(approval.reason)}"] if approval.reason else []
    return [
        Email(
            to=membership.user.email,
            subject=f"{name} waits for your approval on Coffer",
            paragraphs=[
                f"{quoted(approval.caller)} asks to call {name} in {approval.environment}.",
                *said,
                f"See what it would send, and approve or deny it before {exact(until)}:\n{page_of(approval)}",
                "Without a decision the call is not made.",
            ],
        )
        for membership in asked
    ]
