"""A context processor for the layout: how many secrets need attention and how many requests are open."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Organization
from accounts.policy import Permission
from secrets_app.inventory import inventory
from secrets_app.requests import listing


def attention(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the layout, as far as the actor may see it.

    `missing_count` is computed only if a template shows it, and is None in large organizations, where the inventory
    loads it later. `asked_for`, the number of open requests, is there for people who can answer them.
    """
    actor = getattr(request, "actor", None)
    if actor is None:
        return {}
    context: dict[str, Any] = {}
    if actor.may(Permission.SECRETS_READ):
        context |= {"missing_count": lambda: _missing(actor.organization), "shows_hygiene": True}
    if actor.may(Permission.SECRETS_WRITE):
        context["asked_for"] = lambda: _asked_for(actor.organization)
    return context


def _asked_for(organization: Organization) -> str:
    """Return the number of open requests as text such as `7` or `99+`, or "" if there are none."""
    number = listing.count_open(organization)
    most = listing.COUNTED_AT_MOST
    return f"{most}+" if number > most else str(number or "")


def _missing(organization: Organization) -> int | None:
    return inventory.missing_count(organization) if inventory.is_counted_at_once(organization) else None
