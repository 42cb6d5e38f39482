"""Organizations and their members.

An organization always keeps an owner who can sign in. Changes of members hold the organization's lock and use the
actor's current role, so concurrent changes see each other. As a last line of defence, a trigger keeps the last owner
(accounts/triggers.py).
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
from accounts.common.texts import problem_with_line
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied
from accounts.mail import messages, sending
from accounts.models import Invitation, Membership, Organization, RetiredSlug, User
from accounts.people.locks import lock_organization
from accounts.policy import Permission, Role

NAME_LENGTH = Organization._meta.get_field("name").max_length or 80


def create_organization(*, user: User, name: str, address: str | None = None) -> Organization:
    """Create an organization with the person as its owner. Everybody who is signed in may do this.

    Raises:
        Invalid: the name is empty or too long, or no slug can be derived from it.
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
            errors=[FieldError("name", "Another organization has just taken this name. Try again.")],
        ) from None
    return organization


def clean_name(name: str, *, detail: str) -> str:
    """Return the name of an organization as it is stored, with single spaces between its words.

    Args:
        detail: the sentence that says what was not done, for the refusal.

    Raises:
        Invalid: the name is empty, too long or not printable.
    """
    name = " ".join(name.split())
    if problem := problem_with_line(name, NAME_LENGTH):
        raise Invalid(detail, errors=[FieldError("name", problem)])
    return name


def free_slug(name: str) -> str:
    """Return a slug for the name that no organization has or had: `harbor-clinics`, then `harbor-clinics-2`, …"""
    base = slugify(name)[:70] or "organization"
    # In this order, an organization that is being deleted meanwhile is seen in one of the two queries.
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    taken |= set(RetiredSlug.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


def add_member(*, actor: Actor, user: User, role: Role) -> Membership:
    """Give a person a role in the actor's organization. An open invitation of that person is deleted.

    Raises:
        PermissionDenied: the actor may not manage people of this role, or is staff, who can only invite.
        Invalid: the person already belongs to the organization.
    """
    actor.check(permission_to_manage(role))
    try:
        with transaction.atomic():
            actor = locked(actor)
            actor.check(permission_to_manage(role))
            if actor.kind is ActorKind.STAFF and has_owner(actor.organization):
                raise PermissionDenied("Staff invite people; an owner of the organization approves it.")
            membership = Membership.objects.create(organization=actor.organization, user=user, role=role.value)
            Invitation.objects.filter(organization=actor.organization, email=user.email).delete()
            trail.record(trail.Event.MEMBER_ADDED, actor=actor, target=as_target(user), role=role.value)
            notify_owners(actor, user, role)
    except IntegrityError:
        raise Invalid(
            "Not added.", errors=[FieldError("user", "This person already belongs to the organization.")]
        ) from None
    return membership


def change_role(*, actor: Actor, membership_id: UUID, role: Role) -> Membership:
    """Give a member another role. Giving the same role again changes nothing.

    Raises:
        NotFound: the organization has no such member.
        PermissionDenied: the actor may not manage people of the old or the new role.
        Invalid: the organization would be left without an owner.
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
        if actor.kind is ActorKind.STAFF:
            told = messages.role_changed_by_staff(actor, membership.user, role)
            sending.send_after_commit(told, about="role changed by staff")
    return membership


def remove_member(*, actor: Actor, membership_id: UUID, revoke_keys: bool = False) -> None:
    """Remove a person from the actor's organization and sign them out everywhere.

    Open invitations that they sent are withdrawn. API keys belong to the organization and stay.

    Args:
        revoke_keys: also revoke the keys that the person created, because they may have kept a copy.

    Raises:
        NotFound: the organization has no such member.
        PermissionDenied: the actor may not manage people of this role, or may not revoke keys.
        Invalid: the organization would be left without an owner.
    """
    with transaction.atomic():
        actor = locked(actor)
        membership = find_member(actor=actor, membership_id=membership_id)
        actor.check(permission_to_manage(Role(membership.role)))
        _check_not_last_owner(membership, actor.organization)
        details = _delete_membership(membership, actor.organization)
        end_sessions(membership.user)
        if revoke_keys:
            revoked = revoke_keys_created_by(actor=actor, user_id=membership.user_id)
            details["keys_revoked"] = [key.name for key in revoked]
        trail.record(
            trail.Event.MEMBER_REMOVED,
            actor=actor,
            target=as_target(membership.user),
            role=membership.role,
            **details,
        )


def leave(*, actor: Actor) -> None:
    """Remove the acting person from the organization, whatever their role.

    Raises:
        PermissionDenied: the actor is an API key or a command.
        Invalid: the person is the last owner.
    """
    actor.check(Permission.ORGANIZATION_LEAVE)
    with transaction.atomic():
        actor = locked(actor)
        membership = Membership.objects.select_related("user").get(organization=actor.organization, user=actor.id)
        _check_not_last_owner(membership, actor.organization)
        withdrawn = _delete_membership(membership, actor.organization)
        trail.record(
            trail.Event.MEMBER_LEFT, actor=actor, target=as_target(membership.user), role=membership.role, **withdrawn
        )


def locked(actor: Actor) -> Actor:
    """Take the organization's lock and return the actor with the role that the person has now.

    Raises:
        NotFound: the person no longer belongs to the organization.
    """
    lock_organization(actor.organization)
    if actor.kind is not ActorKind.USER:
        return actor
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(organization=actor.organization, user=actor.id)
        .first()
    )
    if membership is None:
        raise NotFound("No such organization.")
    return actor_for_member(membership, address=actor.address, proven=actor.proven)


def find_member(*, actor: Actor, membership_id: UUID) -> Membership:
    """Return one member of the actor's organization, with the person loaded.

    Raises:
        NotFound: the organization has no such member.
    """
    found = Membership.objects.select_related("user").filter(organization=actor.organization, pk=membership_id).first()
    if found is None:
        raise NotFound("No such member.")
    return found


def notify_owners(actor: Actor, user: User, role: Role) -> None:
    """Mail the owners if the person has become one of them."""
    if role is Role.OWNER:
        sending.send_after_commit(messages.owner_added(actor.organization, user, actor=actor), about="owner added")


def withdraw_invitations_of(user: User, organization: Organization, *, keeps: Role | None) -> dict[str, Any]:
    """Withdraw the open invitations that this person sent and could no longer send.

    Args:
        keeps: the person's role from now on; None if they leave.

    Returns:
        Details for the audit log; empty if no invitation was withdrawn.
    """
    sent = Invitation.objects.filter(organization=organization, invited_by_id=user.id)
    if keeps is Role.OWNER:
        return {}
    if keeps is Role.ADMIN:
        sent = sent.filter(role=Role.OWNER.value)
    addresses = list(sent.order_by("email").values_list("email", flat=True))
    sent.delete()
    return {"invitations_withdrawn": addresses} if addresses else {}


def _delete_membership(membership: Membership, organization: Organization) -> dict[str, Any]:
    membership.delete()
    return withdraw_invitations_of(membership.user, organization, keeps=None)


def permission_to_manage(role: Role) -> Permission:
    """Return the permission that managing people of this role needs (docs/concepts.md, "Roles")."""
    return Permission.OWNERS_MANAGE if role is Role.OWNER else Permission.MEMBERS_MANAGE


def has_owner(organization: Organization) -> bool:
    """Whether the organization has an owner, who may have to approve what staff do."""
    return Membership.objects.filter(organization=organization, role=Role.OWNER.value).exists()


def count_owners(organization: Organization) -> int:
    """Return the number of owners who can sign in."""
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
    """Return a person as the target of an event.

    The label is the login, which does not change with the display name.
    """
    return _PersonTarget(user.id, user.email)
