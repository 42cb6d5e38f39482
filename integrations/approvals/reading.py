"""Lists of approvals: people see those that they may decide, an API key those of its own calls and its sessions'."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.actors import Actor, ActorKind
from accounts.common.paging import Page, newest_first
from accounts.errors import NotFound
from accounts.models import ApiKey
from accounts.policy import Permission
from integrations.holding import contents
from integrations.holding.contents import Contents
from integrations.models import Approval, ApprovalState, Run

ROWS = 30
COUNTED_AT_MOST = 99
WAITING, DECIDED = "waiting", "decided"


@dataclass(frozen=True, slots=True)
class HeldCall:
    """An approval with what its call would send, for those who decide.

    Attributes:
        contents: None once they are destroyed, or if they do not open.
        state: where it is now.
        why_not: why this person may not approve it; empty if they may, or if it is too late for anybody.
    """

    approval: Approval
    contents: Contents | None
    state: ApprovalState
    why_not: str


def page(actor: Actor, state: str = "", *, cursor: str = "", limit: int = ROWS) -> Page[Approval]:
    """Return a page of the approvals that the actor may see, newest first.

    Args:
        state: `waiting`, `decided` for those that wait no longer, or empty for all.

    Raises:
        PermissionDenied: the actor may see none.
        Invalid: the cursor does not belong to this list.
    """
    found = visible_to(actor)
    if state in {WAITING, DECIDED}:
        waits = Q(state=ApprovalState.WAITING.value, expires_at__gt=timezone.now())
        found = found.filter(waits if state == WAITING else ~waits)
    return newest_first(found, cursor=cursor, limit=limit)


def visible_to(actor: Actor) -> QuerySet[Approval]:
    """Return the approvals that the actor may see.

    For an owner or admin these are all of the organization, for a member those that name them, for an API key those of
    its own calls.

    Raises:
        PermissionDenied: the actor may see none.
    """
    mine = Approval.objects.filter(organization=actor.organization).select_related("organization")
    if actor.kind is ActorKind.API_KEY:
        actor.check(Permission.INTEGRATIONS_RUN)
        return mine.filter(Q(caller_id=actor.id) | Q(principal_id=actor.id))
    actor.check(Permission.APPROVALS_BROWSE)
    if actor.may(Permission.APPROVALS_DECIDE):
        return mine
    return mine.annotate(named=Cast("approvers", TextField())).filter(named__contains=str(actor.id))


def fetch(actor: Actor, approval_id: UUID) -> Approval:
    """Return an approval that the actor may see.

    Raises:
        PermissionDenied: the actor may see none.
        NotFound: it does not exist, or the actor may not see it.
    """
    found = visible_to(actor).filter(pk=approval_id).first()
    if found is None:
        raise NotFound("No such approval.")
    return found


def count_waiting(actor: Actor) -> int:
    """Return how many calls wait for a decision that this person may make, at most `COUNTED_AT_MOST + 1`."""
    waiting = visible_to(actor).filter(state=ApprovalState.WAITING.value, expires_at__gt=timezone.now())
    return waiting[: COUNTED_AT_MOST + 1].count()


def held_call(actor: Actor, approval: Approval) -> HeldCall:
    """Return an approval that was fetched for a person, with what its call would send."""
    (held,) = held_calls(actor, [approval])
    return held


def held_calls(actor: Actor, approvals: Iterable[Approval]) -> list[HeldCall]:
    """Do the same for several."""
    approvals, now = list(approvals), timezone.now()
    makers, contents_of = _makers(actor, approvals), contents.opened_each(approvals)
    return [
        HeldCall(
            approval, contents_of.get(approval.pk), approval.state_at(now), why_not_approve(actor, approval, makers)
        )
        for approval in approvals
    ]


def why_not_approve(actor: Actor, approval: Approval, makers: dict[UUID, UUID | None] | None = None) -> str:
    """Return why this person may not approve a call; empty if they may.

    Args:
        makers: who made each API key, if that is known already.
    """
    if actor.kind is not ActorKind.USER:
        return "Only a person who is signed in can approve a call."
    if not approval.four_eyes:
        return ""
    if approval.caller_id == actor.id:
        return "This is a call of your own. Its rule wants somebody else to approve it."
    if (makers or _makers(actor, [approval])).get(approval.principal_id or approval.pk) == actor.id:
        return "You made the API key of this call. Its rule wants somebody else to approve it."
    return ""


def run_of(approval: Approval) -> Run | None:
    """Return the record of the last run that was made under an approval; None if there is none."""
    return Run.objects.filter(pk=approval.made_run_id).first() if approval.made_run_id else None


def _makers(actor: Actor, approvals: Iterable[Approval]) -> dict[UUID, UUID | None]:
    """Return who made the API keys of those calls that their maker may not approve."""
    keys = {approval.principal_id for approval in approvals if approval.four_eyes and approval.principal_id}
    if not keys:
        return {}
    made = ApiKey.objects.filter(organization=actor.organization, pk__in=keys)
    return dict(made.values_list("pk", "created_by_id"))
