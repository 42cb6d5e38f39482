"""What happens to a person's account, told in the audit log of every organization that the person belongs to."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.actors import Actor, actor_for_member
from accounts.audit import trail
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
    """Append the event to each organization's log, in the transaction of the act.

    Organizations are taken in one order, so that two such acts never wait for each other.

    Args:
        address: from where the person did it.
        actor_in: who did it in an organization; left out where the person did it.
        data_in: what else is to be told in one organization.
    """
    memberships = Membership.objects.filter(user=user).select_related("user", "organization")
    with transaction.atomic():
        for membership in memberships.order_by("organization_id"):
            own = actor_for_member(membership, address=address)
            actor = actor_in(membership.organization) if actor_in else own
            more = data_in(membership.organization) if data_in else {}
            trail.record(event, actor=actor, target=as_target(user), **data, **more)
