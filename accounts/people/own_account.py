"""Audit events about a person's account, recorded in every organization that the person belongs to."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.actors import Actor, actor_for_member
from accounts.audit import refused_attempts, trail
from accounts.models import Membership, Organization, User
from accounts.people.organizations import as_target


def record_in_organizations(
    event: trail.Event,
    *,
    user: User,
    address: str | None = None,
    actor_in: Callable[[Organization], Actor] | None = None,
    data_in: Callable[[Organization], dict[str, Any]] | None = None,
    **data: Any,
) -> None:
    """Append the event to the log of each of the person's organizations, in the transaction of the action.

    Organizations are processed in a fixed order, so that two such actions cannot deadlock.

    Args:
        address: the client's address, if the person acted.
        actor_in: returns the actor in an organization; None if the person acted.
        data_in: returns further details for one organization.
    """
    memberships = Membership.objects.filter(user=user).select_related("user", "organization")
    with transaction.atomic():
        for membership in memberships.order_by("organization_id"):
            own = actor_for_member(membership, address=address)
            actor = actor_in(membership.organization) if actor_in else own
            more = data_in(membership.organization) if data_in else {}
            trail.record(event, actor=actor, target=as_target(user), **data, **more)


def record_often(event: trail.Event, *, user: User, address: str | None, **data: Any) -> None:
    """Append an event that anybody can repeat to the log of each of the person's organizations, within bounds.

    Args:
        address: the client's address.
    """
    memberships = Membership.objects.filter(user=user).select_related("user", "organization")
    with transaction.atomic():
        for membership in memberships.order_by("organization_id"):
            actor = actor_for_member(membership, address=address)
            number = refused_attempts.count_recorded(actor, event)
            if number is not None:
                counted = refused_attempts.attempts_so_far(number)
                trail.record(event, actor=actor, target=as_target(user), **data, **counted)
