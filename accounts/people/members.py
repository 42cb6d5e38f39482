"""Members and open invitations as the members page shows them, in a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.access.second_factors import second_factors
from accounts.actors import Actor
from accounts.common.paging import Page, decode_cursor, encode_cursor, not_of_this_list
from accounts.models import Invitation, Membership, Organization
from accounts.people.organizations import count_owners, permission_to_manage
from accounts.policy import Permission, Role, permissions_of_role

ROWS = 50
RANKS = {role: number for number, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member in the list.

    Attributes:
        second_factor: empty if none is set up.
        may_change: whether the viewer may change this member.
    """

    id: UUID
    user_id: UUID
    name: str
    email: str
    role: Role
    is_you: bool
    is_active: bool
    is_last_owner: bool
    second_factor: str
    last_sign_in: datetime | None
    may_change: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """One open invitation in the list. `sent_at` is None if the mail server did not accept the mail.

    Attributes:
        awaits_owner: whether an owner has to approve it first.
        may_approve: whether it waits and the viewer may approve it.
    """

    id: UUID
    email: str
    role: Role
    invited_by: str
    sent_at: datetime | None
    expires_at: datetime
    is_over: bool
    may_change: bool
    awaits_owner: bool
    may_approve: bool


def members(actor: Actor, text: str = "", *, cursor: str = "", limit: int = ROWS) -> Page[MemberRow]:
    """Return one page of the organization's members: owners, then admins, then members, each ordered by address.

    Raises:
        PermissionDenied: the actor may not see the list.
        Invalid: the cursor does not belong to this list.
    """
    actor.check(Permission.MEMBERS_MANAGE)
    rows = _ranked(actor.organization).filter(Q(user__name__icontains=text) | Q(user__email__icontains=text))
    if cursor:
        rank, email = decode_cursor(cursor, length=2)
        if rank not in map(str, RANKS.values()):
            raise not_of_this_list()
        rows = rows.filter(Q(rank__gt=int(rank)) | Q(rank=int(rank), user__email__gt=email))
    found = list(rows[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = encode_cursor([str(RANKS[Role(last.role)]), last.user.email]) if last else None
    return Page(_as_members(actor, found[:limit]), next_cursor)


def member(actor: Actor, membership: Membership) -> MemberRow:
    """Return one membership, with its person loaded, as a row of the list."""
    return _as_members(actor, [membership])[0]


def invitations(actor: Actor, *, cursor: str = "", limit: int = ROWS) -> Page[InvitationRow]:
    """Return one page of the open invitations, ordered by address.

    Expired ones stay until they are resent or withdrawn.

    Raises:
        PermissionDenied: the actor may not see the list.
        Invalid: the cursor does not belong to this list.
    """
    actor.check(Permission.MEMBERS_MANAGE)
    after = decode_cursor(cursor, length=1)[0] if cursor else ""
    rows = Invitation.objects.filter(organization=actor.organization, email__gt=after).order_by("email")
    found = list(rows.defer("digest")[: limit + 1])
    next_cursor = encode_cursor([found[limit - 1].email]) if len(found) > limit else None
    return Page([_as_invited(actor, row) for row in found[:limit]], next_cursor)


def people_with(organization: Organization, permission: Permission) -> QuerySet[Membership]:
    """Return the active people whose role in the organization gives a permission, owners first."""
    roles = [role.value for role in Role if permission in permissions_of_role(role)]
    return _ranked(organization).filter(role__in=roles, user__is_active=True)


def without_second_factor(actor: Actor) -> int:
    """Return how many of the organization's people have no second factor."""
    people = set(Membership.objects.filter(organization=actor.organization).values_list("user_id", flat=True))
    return len(people) - len(second_factors(people))


def _ranked(organization: Organization) -> QuerySet[Membership]:
    """Return the organization's members in the order of the list, annotated with the `rank` of their role."""
    rank = Case(
        *(When(role=role.value, then=Value(number)) for role, number in RANKS.items()), output_field=IntegerField()
    )
    rows = Membership.objects.filter(organization=organization).select_related("user")
    return rows.annotate(rank=rank).order_by("rank", "user__email")


def _as_members(actor: Actor, memberships: Iterable[Membership]) -> list[MemberRow]:
    memberships = list(memberships)
    factors = second_factors([membership.user_id for membership in memberships])
    owners = count_owners(actor.organization)
    return [_as_member(actor, membership, factors.get(membership.user_id, ""), owners) for membership in memberships]


def _as_member(actor: Actor, membership: Membership, second_factor: str, owners: int) -> MemberRow:
    user, role = membership.user, Role(membership.role)
    return MemberRow(
        id=membership.id,
        user_id=user.id,
        name=user.name or user.email,
        email=user.email,
        role=role,
        is_you=user.id == actor.id,
        is_active=user.is_active,
        is_last_owner=role is Role.OWNER and user.is_active and owners == 1,
        second_factor=second_factor,
        last_sign_in=user.last_login,
        may_change=actor.may(permission_to_manage(role)),
    )


def _as_invited(actor: Actor, invitation: Invitation) -> InvitationRow:
    role = Role(invitation.role)
    return InvitationRow(
        id=invitation.id,
        email=invitation.email,
        role=role,
        invited_by="you" if invitation.invited_by_id == actor.id else invitation.invited_by,
        sent_at=invitation.sent_at,
        expires_at=invitation.expires_at,
        is_over=invitation.expires_at <= timezone.now(),
        may_change=actor.may(permission_to_manage(role)),
        awaits_owner=invitation.awaits_owner,
        may_approve=invitation.awaits_owner and actor.may(Permission.OWNERS_MANAGE),
    )
