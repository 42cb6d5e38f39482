"""Lists of requests for secrets. People who can answer requests see all of them; others see their own."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.common.paging import Page, newest_first
from accounts.errors import NotFound
from accounts.models import Organization
from accounts.policy import Permission
from secrets_app.models import RequestState, SecretRequest

ROWS = 30
COUNTED_AT_MOST = 99
OPEN, CLOSED = "open", "closed"


def page(actor: Actor, state: str, *, cursor: str, limit: int = ROWS) -> Page[SecretRequest]:
    """Return a page of the requests that the actor may see, newest first.

    Args:
        state: `open`, `closed`, or empty for both.

    Raises:
        PermissionDenied: the actor may not ask for secrets.
        Invalid: the cursor does not belong to this list.
    """
    found = visible_to(actor).select_related("secret")
    if state in {OPEN, CLOSED}:
        is_open = Q(state=RequestState.OPEN.value)
        found = found.filter(is_open if state == OPEN else ~is_open)
    return newest_first(found, cursor=cursor, limit=limit)


def visible_to(actor: Actor) -> QuerySet[SecretRequest]:
    """Return the requests that the actor may see: all for those who may create secrets, otherwise their own.

    Raises:
        PermissionDenied: the actor may not ask for secrets.
    """
    actor.check(Permission.SECRETS_ASK)
    found = SecretRequest.objects.filter(organization=actor.organization)
    if actor.may(Permission.SECRETS_WRITE):
        return found
    return found.filter(asked_by_id=actor.id) if actor.id else found.none()


def fetch(actor: Actor, request_id: UUID) -> SecretRequest:
    """Return a request that the actor may see.

    Raises:
        NotFound: it does not exist, or belongs to another organization or person.
    """
    found = visible_to(actor).filter(pk=request_id).first()
    if found is None:
        raise NotFound("No such request.")
    return found


def count_open(organization: Organization) -> int:
    """Return the number of open requests, at most `COUNTED_AT_MOST + 1`."""
    found = SecretRequest.objects.filter(organization=organization, state=RequestState.OPEN.value)
    return found[: COUNTED_AT_MOST + 1].count()
