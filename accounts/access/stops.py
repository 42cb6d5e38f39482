"""Stops: who pulled one and why, as refusals say it (docs/stopping.md)."""

from datetime import datetime
from typing import TypeVar

from accounts.actors import Actor
from accounts.common.bounds import CALLER_LENGTH, WHY_LENGTH
from accounts.common.texts import problem_with_text
from accounts.errors import AgentsStopped, AgentStopped, FieldError, Invalid, Refusal, Unauthenticated
from accounts.models import ApiKey, Organization

R = TypeVar("R", bound=Refusal)

SUSPENDED = (
    "This API key is suspended, because its calls passed values of secrets as arguments. An owner or admin finds out "
    "why in the audit log, and lifts the suspension on the page of API keys."
)


def clean_reason(text: str, *, detail: str, is_needed: bool = True) -> str:
    """Return a reason as it is stored: one line, with single spaces between its words.

    Args:
        detail: the sentence that says what was not done, for the refusal.
        is_needed: whether it may not be empty.

    Raises:
        Invalid: it is empty, too long or not printable; about the field `why`.
    """
    reason = " ".join(text.split())
    problem = problem_with_text(reason, WHY_LENGTH) or (
        None if reason.isprintable() else "Remove the control characters."
    )
    if is_needed and not reason:
        problem = "Say why: everybody who is refused because of it reads this."
    if problem:
        raise Invalid(detail, errors=[FieldError("why", problem)])
    return reason


def label_of(actor: Actor) -> str:
    """Return the label of the actor that stops something, at most as long as its column."""
    return actor.label[:CALLER_LENGTH]


def with_stop(refusal: R, *, by: str, why: str, at: datetime | None) -> R:
    """Return the refusal with who stopped what, why, and since when among its members."""
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
    refusal.members |= {"stopped_by": by, "reason": why, "stopped_at": moment}
    return refusal


def by_whom(by: str, why: str) -> str:
    """Return the middle of a sentence about a stop: ` by Mara Lind (“too many refunds”)`; empty if nobody is known."""
    return f"{f' by {by}' if by else ''}{f' (“{why}”)' if why else ''}"


def refusal_of_stopped(key: ApiKey) -> Refusal:
    """Return why a key that is suspended, or whose organization's agents are stopped, may not call."""
    stopped = key if key.stopped_by else key.parent if key.parent and key.parent.stopped_by else None
    if key.organization.agents_stopped_at:
        return agents_stopped(key.organization)
    return agent_stopped(stopped) if stopped else Unauthenticated(SUSPENDED)


def agents_stopped(organization: Organization) -> AgentsStopped:
    """Return the refusal of the calls of an organization whose agents are all stopped."""
    by, why = organization.agents_stopped_by, organization.agents_stopped_why
    sentence = f"All agents were stopped{by_whom(by, why)}. An owner or admin starts them again in Coffer."
    return with_stop(AgentsStopped(sentence), by=by, why=why, at=organization.agents_stopped_at)


def agent_stopped(key: ApiKey) -> AgentStopped:
    """Return the refusal of the calls of a key that a person stopped."""
    by, why = key.stopped_by, key.stopped_why
    sentence = f"This agent was stopped{by_whom(by, why)}. An owner or admin starts it again in Coffer."
    return with_stop(AgentStopped(sentence), by=by, why=why, at=key.suspended_at)
