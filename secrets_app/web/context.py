"""What the frame of every page says about secrets: how many need attention, how many are asked for."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Organization
from accounts.policy import Permission
from secrets_app.inventory import inventory
from secrets_app.requests import listing


def attention(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `missing_count`, looked up only where a template shows it, and only for who may know; to them
    the frame also shows the way to the hygiene page. In large organizations the inventory asks for it afterwards.
    `asked_for`, the number of open requests, is for those who can answer them.
    """
    actor = getattr(request, "actor", None)
    if actor is None:
        return {}
    told: dict[str, Any] = {"shows_requests": actor.may(Permission.SECRETS_ASK)}
    if actor.may(Permission.SECRETS_READ):
        told |= {"missing_count": lambda: _missing(actor.organization), "shows_hygiene": True}
    if actor.may(Permission.SECRETS_WRITE):
        told["asked_for"] = lambda: _asked_for(actor.organization)
    return told


def _asked_for(organization: Organization) -> str:
    """`7`, `99+`, or empty for none."""
    number = listing.count_open(organization)
    most = listing.COUNTED_AT_MOST
    return f"{most}+" if number > most else str(number or "")


def _missing(organization: Organization) -> int | None:
    return inventory.counts(organization)["missing"] if inventory.is_counted_at_once(organization) else None
