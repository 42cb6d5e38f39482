"""What people do to their own account, told in the audit log of every organization that they belong to."""

from typing import Any

from django.db import transaction

from accounts import audit
from accounts.actors import actor_for_member
from accounts.models import Membership, User
from accounts.services.organizations import as_target


def record_in_organizations(event: audit.Event, *, user: User, address: str | None, **data: Any) -> None:
    """Append the event to each organization's log, in the transaction of the act.

    Organizations are taken in one order, so that two such acts never wait for each other.
    """
    memberships = Membership.objects.filter(user=user).select_related("user", "organization")
    with transaction.atomic():
        for membership in memberships.order_by("organization_id"):
            actor = actor_for_member(membership, address=address)
            audit.record(event, actor=actor, target=as_target(user), **data)
