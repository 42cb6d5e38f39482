"""What would happen to a call, as far as arguments and rules decide: nothing is opened, sent, counted or recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.actors import Actor, actor_for_key
from accounts.errors import FieldError, Invalid, Refusal
from accounts.models import ApiKey
from accounts.policy import Permission
from integrations.broker.preparation import Attempt, Call, prepare
from integrations.broker.remote_tools import changes_nothing
from integrations.inheritance import with_parents
from integrations.models import Integration
from integrations.rules import counters
from integrations.rules.judging import Asked, Ruling, judge
from integrations.rules.limits import bounds_of
from integrations.rules.shape import Decision, Rule


@dataclass(frozen=True, slots=True)
class Tried:
    """What would happen.

    Attributes:
        used: how many calls each limit has counted within its span, in the order of the limits.
    """

    ruling: Ruling
    used: list[int]

    @property
    def counted(self) -> list[dict[str, Any]]:
        """Each limit with what it has counted, as the API gives it."""
        return [
            {"rule": one.source.as_json(), "calls": one.limit.calls, "per": one.limit.per.value, "used": used}
            for one, used in zip(self.ruling.limits, self.used, strict=True)
        ]


def would_happen(actor: Actor, call: Call, key_id: UUID | None = None, rules: Sequence[Rule] | None = None) -> Tried:
    """Return what the rules say of a call.

    Args:
        key_id: of the API key that would call; None for the actor.
        rules: those that the integration would have; None for its own.

    Raises:
        NotFound: there is no such integration, or the actor may not see it.
        PermissionDenied: the actor may not read integrations, or not act in the environment.
        Invalid: the organization has no such API key.
    """
    actor.check(Permission.INTEGRATIONS_READ)
    actor.check_environments(call.environment)
    integration = Integration.objects.fetch(actor, call.integration_id)
    integration.organization = actor.organization
    if rules is not None:
        integration.rules = [rule.as_json() for rule in rules]
    caller = actor if key_id is None else _actor_of(actor, key_id)
    links, attempt = with_parents(integration), Attempt()
    try:
        params = prepare(links, call, attempt).params
    except Refusal as refusal:
        return Tried(Ruling(Decision.DENY, None, refusal.detail, refusal), [])
    asked = Asked(
        links=links,
        operation=attempt.operation,
        params=params,
        environment=call.environment,
        actor=caller,
        moment=timezone.now(),
        is_read_only=lambda: changes_nothing(integration, attempt.operation, params),
    )
    ruling = judge(asked)
    bounds = bounds_of(ruling, caller, call.environment)
    used = counters.used(bounds)
    return Tried(ruling, [used[bound.name] for bound in bounds])


def _actor_of(actor: Actor, key_id: UUID) -> Actor:
    for key in ApiKey.objects.select_related("organization", "parent").filter(
        organization=actor.organization, pk=key_id
    ):
        return actor_for_key(key)
    raise Invalid("No such API key.", errors=[FieldError("key", "The organization has no API key with this id.")])
