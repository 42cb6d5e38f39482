"""The texts of mails about people and keys (`accounts.mail.sending` sends them)."""

from collections.abc import Sequence

from accounts.actors import Actor
from accounts.common.environments import in_order
from accounts.mail.sending import Email, link, quoted
from accounts.models import ApiKey, Invitation, Membership, Organization, User
from accounts.policy import Role


def owners_of(organization: Organization) -> list[str]:
    """Return the addresses of the organization's owners who can sign in."""
    owners = Membership.objects.filter(organization=organization, role=Role.OWNER.value, user__is_active=True)
    return list(owners.order_by("user__email").values_list("user__email", flat=True))


def invitation(invited: Invitation, token: str, *, days: int) -> Email:
    """Return the mail with the link of an invitation. It is the only mail that carries a token."""
    organization = quoted(invited.organization.name)
    role = Role(invited.role).label.lower()
    return Email(
        to=invited.email,
        invitation=invited.pk,
        subject=f"Invitation to {organization} on Coffer",
        paragraphs=[
            f"{quoted(invited.invited_by)} invites you to join {organization} as {_article(role)} {role}.",
            f"To accept, open this link and follow the instructions:\n{link('invitation', token)}",
            f"The link works once, within {days} days, and only for {invited.email}. If you did not expect an "
            "invitation, you can ignore this e-mail.",
        ],
    )


def invitations_wait(actor: Actor, waiting: Sequence[Invitation]) -> list[Email]:
    """Return the mails that ask every owner to approve or decline invitations by staff."""
    organization = actor.organization
    name = quoted(organization.name)
    lines = [f"{invited.email} as {invited.role}" for invited in waiting]
    return [
        Email(
            to=address,
            subject=f"Approve an invitation to {name} on Coffer",
            paragraphs=[
                f"{quoted(actor.label)} asks to invite to {name}:",
                "\n".join(lines),
                "Nobody gets a link before an owner approves it. Approve or decline it here:\n"
                f"{link('members', organization.slug)}#invitations",
            ],
        )
        for address in owners_of(organization)
    ]


def role_changed_by_staff(actor: Actor, user: User, role: Role) -> list[Email]:
    """Return the mails that tell every owner that staff changed somebody's role."""
    organization = actor.organization
    name = quoted(organization.name)
    return [
        Email(
            to=address,
            subject=f"A role in {name} was changed on Coffer",
            paragraphs=[
                f"{quoted(actor.label)} made {quoted(user.email)} {_article(role.value)} {role.value} of {name}.",
                f"If this is a mistake, change it and check the audit log:\n{link('members', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def owner_added(organization: Organization, user: User, *, actor: Actor) -> list[Email]:
    """Return the mails that tell every owner, including the new one, about a new owner."""
    name = quoted(organization.name)
    return [
        Email(
            to=address,
            subject=f"New owner of {name} on Coffer",
            paragraphs=[
                f"{quoted(user.email)} is now an owner of {name}. The change was made by {quoted(actor.label)}.",
                f"If this is a mistake, change the role and check the audit log:\n{link('members', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def api_key_created(key: ApiKey, *, actor: Actor) -> list[Email]:
    """Return the mails that tell every owner about a new API key.

    They contain no part of the key, not even its prefix.
    """
    organization = actor.organization
    name = quoted(organization.name)
    return [
        Email(
            to=address,
            subject=f"New API key of {name} on Coffer",
            paragraphs=[
                f"The API key {quoted(key.name)} was created in {name} by {quoted(actor.label)}.",
                f"Scopes: {', '.join(key.scopes)}.\nEnvironments: {_environments(key)}.",
                f"If nobody needs it, revoke it:\n{link('api-keys', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def agents_stopped(organization: Organization) -> list[Email]:
    """Return the mails that tell every owner that all agents were stopped."""
    name, slug = quoted(organization.name), organization.slug
    by, why = quoted(organization.agents_stopped_by), quoted(organization.agents_stopped_why)
    return [
        Email(
            to=address,
            subject=f"All agents of {name} were stopped",
            paragraphs=[
                f"{by} stopped all agents of {name}.\nReason: {why}",
                "Every call with an API key is refused, and calls under way give out no answer. Integrations, secrets "
                "and keys stay as they are.",
                f"When you know what happened, start the agents again:\n{link('api-keys', slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def agents_started(organization: Organization, *, actor: Actor) -> list[Email]:
    """Return the mails that tell every owner that the agents may call again."""
    name = quoted(organization.name)
    return [
        Email(
            to=address,
            subject=f"The agents of {name} may call again",
            paragraphs=[
                f"{quoted(actor.label)} started the agents of {name} again.",
                f"If this is a mistake, stop them and check the audit log:\n{link('api-keys', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]


def secret_in_arguments(key: ApiKey, *, integration: str, is_suspended: bool) -> list[Email]:
    """Return the mails that tell every owner that an API key passed the value of a secret as an argument."""
    name, slug = quoted(key.organization.name), key.organization.slug
    now = "The key is suspended: its calls are refused." if is_suspended else "The key is not suspended yet."
    return [
        Email(
            to=address,
            subject=f"An API key of {name} passed a secret's value to Coffer",
            paragraphs=[
                f"The API key {quoted(key.name)} called {quoted(integration)} with an argument that contains the "
                f"value of a secret. The call was refused and nothing was sent. {now}",
                "Either somebody is guessing a value, or the value is known where it should not be. The audit log "
                f"names the secret:\n{link('audit', slug)}",
                f"Replace the value, then revoke the key or lift its suspension:\n{link('api-keys', slug)}",
            ],
        )
        for address in owners_of(key.organization)
    ]


def _environments(key: ApiKey) -> str:
    return ", ".join(environment.label for environment in in_order(key.environments))


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
