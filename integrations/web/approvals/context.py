"""A context processor for the layout: how many held calls and requests for secrets wait for the person."""

from functools import cache
from typing import Any

from django.http import HttpRequest

from accounts.policy import Permission
from integrations.approvals.reading import COUNTED_AT_MOST, count_waiting
from secrets_app.requests import listing


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the layout: `held_number` of the tab, `waiting_number` of the menu.

    Both are texts such as `7` or `99+`, empty for none, and are counted only where a template shows them.
    """
    actor = getattr(request, "actor", None)
    if actor is None:
        return {}

    @cache
    def held() -> int:
        return count_waiting(actor)

    def waiting_number() -> str:
        return counted(held() + (listing.count_open(actor.organization) if actor.may(Permission.SECRETS_WRITE) else 0))

    return {"held_number": lambda: counted(held()), "waiting_number": waiting_number}


def counted(number: int) -> str:
    """Return a number that was counted up to `COUNTED_AT_MOST + 1`; nothing for none."""
    return f"{COUNTED_AT_MOST}+" if number > COUNTED_AT_MOST else str(number or "")
