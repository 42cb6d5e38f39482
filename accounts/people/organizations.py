"""Organizations and who belongs to them.

An organization always keeps an owner who can sign in. Acts on people hold the organization's lock and judge the
acting person by the role of that moment, so two of them at once see each other; below that, a trigger keeps the last
owner (accounts/triggers.py).
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.access.api_keys import revoke_keys_created_by
from accounts.access.sessions import end_sessions
from accounts.actors import Actor, ActorKind, actor_for_member
from accounts.audit import trail
from accounts.errors import FieldError, Invalid, NotFound
from accounts.mail import messages, sending
from accounts.models import Invitation, Membership, Organization, RetiredSlug, User
from accounts.people.locks import serialize
from accounts.policy import Permission, Role

NAME_LENGTH = Organization._meta.get_field("name").max_length or 80


def create_organization(*, user: User, name: str, address: str | None = None) -> Organization:
    """Found an organization; the person becomes its owner. Anybody who is signed in may.

    Raises:
        Invalid: the name is empty, too long, or gives no usable address.
    """
    name = clean_name(name, detail="The organization was not created.")
    try:
        with transaction.atomic():
            organization = Organization.objects.create(name=name, slug=free_slug(name))
            membership = Membership.objects.create(organization=organization, user=user, role=Role.OWNER.value)
            trail.record(
                trail.Event.ORGANIZATION_CREATED,
                actor=actor_for_member(membership, address=address),
                target=organization,
            )
    except IntegrityError:
        raise Invalid(
            "The organization was not created.",
            errors=[FieldError("name", "Somebody has just taken this address. Try again.")],
        ) from None
    return organization


def clean_name(name: str, *, detail: str) -> str:
    """The name of an organization as it is stored, single spaces between its words.

    Raises:
        Invalid: empty, too long, or with characters that are no text; `detail` says what was not done.
    """
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid(detail, errors=[FieldError("name", f"Enter a name of 1 to {NAME_LENGTH} characters.")])
    return name


def free_slug(name: str) -> str:
    """An address for the name that no organization has or had: `harbor-clinics`, then `harbor-clinics-2`, …"""
    base = slugify(name)[:70] or "organization"
    # In this order: one that is being deleted at this moment is seen in one of the two.
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    taken |= set(RetiredSlug.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


def add_member(*, actor: Actor, user: User, role: Role) -> Membership:
    """Give a person a role in the actor's organization; an open invitation of theirs has become needless.

    Raises:
        PermissionDenied: the actor may not manage people of this role.
        Invalid: the person belongs to it already.
    """
    actor.check(permission_to_manage(role))
    try:
        with transaction.atomic():
            actor = locked(actor)
            actor.check(permission_to_manage(role))
            membership = Membership.objects.create(organization=actor.organization, user=user, role=role.value)
            Invitation.objects.filter(organization=actor.organization, email=user.email).delete()
            trail.record(trail.Event.MEMBER_ADDED, actor=actor, target=as_target(user), role=role.value)
            notify_owners(actor, user, role)
    except IntegrityError:
        raise Invalid(
            "Not added.", errors=[FieldError("user", "This person belongs to the organization already.")]
        ) from None
    return membership


def change_role(*, actor: Actor, membership_id: UUID, role: Role) -> Membership:
    """Give a member another role. The same role again changes nothing.

    Raises:
        NotFound: no such member in the actor's organization.
        PermissionDenied: the actor may not manage people of the old or the new role.
        Invalid: it would leave the organization without an owner.
    """
    with transaction.atomic():
        actor = locked(actor)
        membership = find_member(actor=actor, membership_id=membership_id)
        old = Role(membership.role)
        actor.check(permission_to_manage(old))
        actor.check(permission_to_manage(role))
        if role is old:
            return membership
        _check_not_last_owner(membership, actor.organization)
        membership.role = role.value
        membership.save(update_fields=["role"])
        withdrawn = withdraw_invitations_of(membership.user, actor.organization, keeps=role)
        trail.record(
            trail.Event.MEMBER_ROLE_CHANGED,
            actor=actor,
            target=as_target(membership.user),
            old=old.value,
            new=role.value,
            **withdrawn,
        )
        notify_owners(actor, membership.user, role)
    return membership


def remove_member(*, actor: Actor, membership_id: UUID, revoke_keys: bool = False) -> None:
    """Take a person out of the actor's organization, and sign them out everywhere. Invitations that they sent and
    nobody has accepted go with them.

    API keys are the organization's and stay.

    Args:
        revoke_keys: also end the keys that the person made, of whose text they may hold a copy.

    Raises:
        NotFound, PermissionDenied, Invalid: as for `change_role`.
        PermissionDenied: the actor may revoke no keys.
    """
    with transaction.atomic():
        actor = locked(actor)
        membership = find_member(actor=actor, membership_id=membership_id)
        actor.check(permission_to_manage(Role(membership.role)))
        _check_not_last_owner(membership, actor.organization)
        told = _end(membership, actor.organization)
        end_sessions(membership.user)
        if revoke_keys:
            told["keys_revoked"] = [key.name for key in revoke_keys_created_by(actor=actor, user_id=membership.user_id)]
        trail.record(
            trail.Event.MEMBER_REMOVED,
            actor=actor,
            target=as_target(membership.user),
            role=membership.role,
            **told,
        )


def leave(*, actor: Actor) -> None:
    """The acting person goes, whatever their role.

    Raises:
        PermissionDenied: an API key or a command, which belongs to nobody.
        Invalid: the last owner stays.
    """
    actor.check(Permission.ORGANIZATION_LEAVE)
    with transaction.atomic():
        actor = locked(actor)
        membership = Membership.objects.select_related("user").get(organization=actor.organization, user=actor.id)
        _check_not_last_owner(membership, actor.organization)
        withdrawn = _end(membership, actor.organization)
        trail.record(
            trail.Event.MEMBER_LEFT, actor=actor, target=as_target(membership.user), role=membership.role, **withdrawn
        )


def locked(actor: Actor) -> Actor:
    """The actor, with the organization's lock held; a person by the role of this moment, not of when they were asked.

    Raises:
        NotFound: the person does not belong to it any more.
    """
    serialize(actor.organization)
    if actor.kind is not ActorKind.USER:
        return actor
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(organization=actor.organization, user=actor.id)
        .first()
    )
    if membership is None:
        raise NotFound("No such organization.")
    return actor_for_member(membership, address=actor.address)


def find_member(*, actor: Actor, membership_id: UUID) -> Membership:
    """One member of the actor's organization, the person loaded.

    Raises:
        NotFound: there is none.
    """
    found = Membership.objects.select_related("user").filter(organization=actor.organization, pk=membership_id).first()
    if found is None:
        raise NotFound("No such member.")
    return found


def notify_owners(actor: Actor, user: User, role: Role) -> None:
    """Write to the owners once somebody has become one of them."""
    if role is Role.OWNER:
        found = messages.owner_added(actor.organization, user, actor=actor)
        sending.send_after_commit(found, about="owner added")


def withdraw_invitations_of(user: User, organization: Organization, *, keeps: Role | None) -> dict[str, Any]:
    """End the open invitations that this person sent and could not send any more, being `keeps` (None: gone).

    Returns:
        what the audit log tells of it; empty where there was none.
    """
    sent = Invitation.objects.filter(organization=organization, invited_by_id=user.id)
    if keeps is Role.OWNER:
        return {}
    if keeps is Role.ADMIN:
        sent = sent.filter(role=Role.OWNER.value)
    addresses = list(sent.order_by("email").values_list("email", flat=True))
    sent.delete()
    return {"invitations_withdrawn": addresses} if addresses else {}


def _end(membership: Membership, organization: Organization) -> dict[str, Any]:
    membership.delete()
    return withdraw_invitations_of(membership.user, organization, keeps=None)


def permission_to_manage(role: Role) -> Permission:
    """What it takes to invite, change and remove people of this role (docs/concepts.md, "Roles")."""
    return Permission.OWNERS_MANAGE if role is Role.OWNER else Permission.MEMBERS_MANAGE


def count_owners(organization: Organization) -> int:
    """How many people own it and can sign in."""
    return Membership.objects.filter(organization=organization, role=Role.OWNER.value, user__is_active=True).count()


def _check_not_last_owner(membership: Membership, organization: Organization) -> None:
    is_owner = membership.role == Role.OWNER.value
    if is_owner and count_owners(organization) - membership.user.is_active < 1:
        raise Invalid(
            "Not changed.",
            errors=[FieldError("role", "An organization keeps at least one owner. Make somebody else an owner first.")],
        )


@dataclass(frozen=True, slots=True)
class _PersonTarget:
    id: UUID
    name: str


def as_target(user: User) -> trail.Target:
    """A person as the target of an event: the label is the login, which does not change with the display name."""
    return _PersonTarget(user.id, user.email)
