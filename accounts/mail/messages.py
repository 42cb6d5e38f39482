"""The mails about people and keys, word for word (`accounts.mail.sending` sends them)."""

from accounts.actors import Actor
from accounts.common.environments import in_order
from accounts.mail.sending import Email, link, quoted
from accounts.models import ApiKey, Invitation, Membership, Organization, User
from accounts.policy import Role


def owners_of(organization: Organization) -> list[str]:
    """The addresses of those who own the organization and can sign in."""
    owners = Membership.objects.filter(organization=organization, role=Role.OWNER.value, user__is_active=True)
    return list(owners.order_by("user__email").values_list("user__email", flat=True))


def invitation(invited: Invitation, token: str, *, days: int) -> Email:
    """The only mail that carries a token: its link is the invitation."""
    organization = quoted(invited.organization.name)
    role = Role(invited.role).label.lower()
    return Email(
        to=invited.email,
        subject=f"Invitation to {organization} on Coffer",
        paragraphs=[
            f"{quoted(invited.invited_by)} invites you to {organization} as {_article(role)} {role}.",
            f"To accept, open this address and follow it:\n{link('invitation', token)}",
            f"It works once, for {days} days, and for {invited.email} alone. If you expected no invitation, "
            "do nothing: it ends by itself.",
        ],
    )


def owner_added(organization: Organization, user: User, *, actor: Actor) -> list[Email]:
    """To every owner, the new one too: owners can do everything that this organization allows."""
    name = quoted(organization.name)
    return [
        Email(
            to=address,
            subject=f"New owner of {name} on Coffer",
            paragraphs=[
                f"{quoted(user.email)} is an owner of {name} now. Who did it: {quoted(actor.label)}.",
                "If this should not be, change the role, and look at the audit log:\n"
                f"{link('members', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def api_key_created(key: ApiKey, *, actor: Actor) -> list[Email]:
    """To every owner. Of the key's text no email is here, not even its prefix."""
    organization = actor.organization
    name = quoted(organization.name)
    return [
        Email(
            to=address,
            subject=f"New API key of {name} on Coffer",
            paragraphs=[
                f"The API key {quoted(key.name)} was made in {name}. Who did it: {quoted(actor.label)}.",
                f"It may: {', '.join(key.scopes)}.\nEnvironments: {_environments(key)}.",
                f"If nobody needs it, revoke it:\n{link('api-keys', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def _environments(key: ApiKey) -> str:
    return ", ".join(environment.label for environment in in_order(key.environments))


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
