"""What happens to a person's account, told in the audit log of every organization that the person belongs to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.actors import Actor, actor_for_member
from accounts.models import Membership, Organization, User


@dataclass(frozen=True, slots=True)
class _Person:
    """A person as the target of an event, by the login."""

    id: UUID
    name: str


def record_in_organizations(
    event: audit.Event,
    *,
    user: User,
    address: str | None = None,
    actor_in: Callable[[Organization], Actor] | None = None,
    **data: Any,
) -> None:
    """Append the event to each organization's log, in the transaction of the act.

    Organizations are taken in one order, so that two such acts never wait for each other.

    Args:
        address: from where the person did it.
        actor_in: who did it in an organization; left out where the person did it.
    """
    memberships = Membership.objects.filter(user=user).select_related("user", "organization")
    with transaction.atomic():
        for membership in memberships.order_by("organization_id"):
            own = actor_for_member(membership, address=address)
            actor = actor_in(membership.organization) if actor_in else own
            audit.record(event, actor=actor, target=_Person(user.id, user.email), **data)
