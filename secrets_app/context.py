"""What the frame of every page says about secrets: how many need attention."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Organization
from accounts.policy import Permission
from secrets_app import inventory


def attention(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `missing_count`, looked up only where a template shows it, and only for who may know; to them
    the frame also shows the way to the hygiene page. In large organizations the inventory asks for it afterwards.
    """
    actor = getattr(request, "actor", None)
    if actor is None or not actor.may(Permission.SECRETS_READ):
        return {}
    return {"missing_count": lambda: _missing(actor.organization), "shows_hygiene": True}


def _missing(organization: Organization) -> int | None:
    return inventory.counts(organization)["missing"] if inventory.is_counted_at_once(organization) else None
