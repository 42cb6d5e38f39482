"""Counting calls towards the limits of the rules that apply to them."""

from collections.abc import Sequence

from accounts.actors import Actor, ActorKind
from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.errors import LimitReached
from integrations.rules import counters
from integrations.rules.judging import Ruling


def count_calls(calls: Sequence[tuple[Ruling, Actor, Environment]]) -> list[Refusal | None]:
    """Count calls, each if all limits of its ruling have room; return for each the refusal, or None if it is counted.

    Call it in the transaction that records the calls, with calls that have limits.
    """
    if not calls:
        return []
    found = counters.take([bounds_of(*call) for call in calls])
    return [_refusal(reached) if reached else None for reached in found]


def bounds_of(ruling: Ruling, actor: Actor, environment: Environment) -> list[counters.Bound]:
    """Return what counts a call of an actor."""
    key_id = actor.key_id if actor.kind is ActorKind.API_KEY else None
    return [counters.bound_of(counted, actor.organization.pk, environment, key_id) for counted in ruling.limits]


def _refusal(reached: counters.Reached) -> LimitReached:
    bound = reached.bound
    refusal = LimitReached(
        f"A rule of {bound.counted.source.integration.name} allows {bound.most} calls in {bound.per.label}. "
        f"Try again in {reached.seconds} s."
    )
    refusal.members |= {"retry_after_seconds": reached.seconds, "rule": bound.counted.source.as_json()}
    return refusal
