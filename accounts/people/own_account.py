"""Audit events about a person's account, recorded in every organization that the person belongs to."""

from collections.abc import Callable, Iterator
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

    Args:
        address: the client's address, if the person acted.
        actor_in: returns the actor in an organization; None if the person acted.
        data_in: returns further details for one organization.
    """
    with transaction.atomic():
        for own in _actors(user, address):
            actor = actor_in(own.organization) if actor_in else own
            more = data_in(own.organization) if data_in else {}
            trail.record(event, actor=actor, target=as_target(user), **data, **more)


def record_often(event: trail.Event, *, user: User, address: str | None, **data: Any) -> None:
    """Append an event that anybody can repeat to the log of each of the person's organizations, within bounds.

    Args:
        address: the client's address.
    """
    with transaction.atomic():
        for actor in _actors(user, address):
            number = refused_attempts.count_recorded(actor, event)
            if number is not None:
                counted = refused_attempts.attempts_so_far(number)
                trail.record(event, actor=actor, target=as_target(user), **data, **counted)


def _actors(user: User, address: str | None) -> Iterator[Actor]:
    """Yield the person as an actor of each of their organizations.

    The order is fixed, so that two actions that lock the logs of several organizations cannot deadlock.
    """
    memberships = Membership.objects.filter(user=user).select_related("user", "organization")
    for membership in memberships.order_by("organization_id"):
        yield actor_for_member(membership, address=address)
