"""Organizations and who belongs to them."""

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts import audit
from accounts.actors import Actor, actor_for_member
from accounts.errors import FieldError, Invalid, NotFound
from accounts.locks import serialize
from accounts.models import Membership, Organization, User
from accounts.policy import Permission, Role

NAME_LENGTH = Organization._meta.get_field("name").max_length or 80


def create_organization(*, user: User, name: str, address: str | None = None) -> Organization:
    """Found an organization; the person becomes its owner. Anybody who is signed in may.

    Raises:
        Invalid: the name is empty, too long, or gives no usable address.
    """
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid(
            "The organization was not created.",
            errors=[FieldError("name", f"Enter a name of 1 to {NAME_LENGTH} characters.")],
        )
    try:
        with transaction.atomic():
            organization = Organization.objects.create(name=name, slug=free_slug(name))
            membership = Membership.objects.create(organization=organization, user=user, role=Role.OWNER.value)
            audit.record(
                audit.Event.ORGANIZATION_CREATED,
                actor=actor_for_member(membership, address=address),
                target=organization,
            )
    except IntegrityError:
        raise Invalid(
            "The organization was not created.",
            errors=[FieldError("name", "Somebody has just taken this address. Try again.")],
        ) from None
    return organization


def free_slug(name: str) -> str:
    """An address for the name that no organization has: `harbor-clinics`, then `harbor-clinics-2`, …"""
    base = slugify(name)[:70] or "organization"
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


def add_member(*, actor: Actor, user: User, role: Role) -> Membership:
    """Give a person a role in the actor's organization.

    Raises:
        PermissionDenied: the actor may not manage people of this role.
        Invalid: the person belongs to it already.
    """
    _check_may_manage(actor, role)
    try:
        with transaction.atomic():
            membership = Membership.objects.create(organization=actor.organization, user=user, role=role.value)
            audit.record(audit.Event.MEMBER_ADDED, actor=actor, target=_as_target(user), role=role.value)
    except IntegrityError:
        raise Invalid(
            "Not added.", errors=[FieldError("user", "This person belongs to the organization already.")]
        ) from None
    return membership


def change_role(*, actor: Actor, membership_id: UUID, role: Role) -> Membership:
    """Give a member another role; an organization always keeps at least one owner.

    Raises:
        NotFound: no such member in the actor's organization.
        PermissionDenied: the actor may not manage people of the old or the new role.
        Invalid: it would leave the organization without an owner.
    """
    with transaction.atomic():
        membership = _lock_membership(actor, membership_id)
        _check_may_manage(actor, Role(membership.role))
        _check_may_manage(actor, role)
        if role is not Role.OWNER:
            _check_not_last_owner(membership)
        audit.record(
            audit.Event.MEMBER_ROLE_CHANGED,
            actor=actor,
            target=_as_target(membership.user),
            old=membership.role,
            new=role.value,
        )
        membership.role = role.value
        membership.save(update_fields=["role"])
    return membership


def remove_member(*, actor: Actor, membership_id: UUID) -> None:
    """Take a person out of the actor's organization.

    Raises:
        NotFound, PermissionDenied, Invalid: as for `change_role`.
    """
    with transaction.atomic():
        membership = _lock_membership(actor, membership_id)
        _check_may_manage(actor, Role(membership.role))
        _check_not_last_owner(membership)
        membership.delete()
        audit.record(audit.Event.MEMBER_REMOVED, actor=actor, target=_as_target(membership.user), role=membership.role)


def _check_may_manage(actor: Actor, role: Role) -> None:
    actor.check(Permission.OWNERS_MANAGE if role is Role.OWNER else Permission.MEMBERS_MANAGE)


def _lock_membership(actor: Actor, membership_id: UUID) -> Membership:
    """The member, with the organization locked: two demotions at once must see each other."""
    serialize(actor.organization)
    membership = (
        Membership.objects.select_related("user").filter(organization=actor.organization, pk=membership_id).first()
    )
    if membership is None:
        raise NotFound("No such member.")
    return membership


def _check_not_last_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(organization_id=membership.organization_id, role=Role.OWNER.value)
    if membership.role == Role.OWNER.value and owners.count() == 1:
        raise Invalid(
            "Not changed.",
            errors=[FieldError("role", "An organization keeps at least one owner. Make somebody else an owner first.")],
        )


@dataclass(frozen=True, slots=True)
class _PersonTarget:
    id: UUID
    name: str


def _as_target(user: User) -> _PersonTarget:
    """A person as the target of an event: the label is the login, which does not change with the display name."""
    return _PersonTarget(user.id, user.email)
