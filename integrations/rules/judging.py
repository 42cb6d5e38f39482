"""Which rules apply to a call, and what the strictest of them says (docs/rules.md).

A rule is about an operation, environments and keys. One that asks or denies applies only where its conditions, on
arguments and times, hold. One that allows makes them a must: a call that does not meet them is refused. Rules of a
connection that name no operation hold for its actions as well. Nothing is looked up and nothing is opened here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.actors import Actor, ActorKind
from accounts.common.environments import Environment
from accounts.errors import FieldError, Refusal
from integrations.errors import ArgumentNotAllowed, DeniedByRule
from integrations.kinds import KINDS
from integrations.kinds.base import CHECK
from integrations.models import Integration
from integrations.rules.conditions import holds_at, mismatch
from integrations.rules.shape import Asking, Decision, Limit, Rule
from integrations.rules.stored import rules_of

NO_RULE = "No rule is about it."
BY_DEFAULT = "No rule is about this call, and the organization asks before calls that may change something."


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that rules are asked about.

    Attributes:
        links: the integration, its connection and its connector.
        operation: as the kind names it.
        is_read_only: tells whether the operation changes nothing; asked only where no rule applies.
    """

    links: Sequence[Integration]
    operation: str
    params: Mapping[str, Any]
    environment: Environment
    actor: Actor
    moment: datetime
    is_read_only: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Source:
    """A rule, where it stands, and how it judges a call.

    Attributes:
        index: its place among the rules of the integration, from 0.
        arguments: those that its conditions are about.
    """

    integration: Integration
    index: int
    rule: Rule
    arguments: Mapping[str, Any] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return what a problem document says of the rule."""
        return {"integration": str(self.integration.pk), "integration_name": self.integration.name, "index": self.index}


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit that counts the call."""

    source: Source
    limit: Limit


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a call.

    Attributes:
        source: the rule that decided; None if none applies.
        why: what decided, as a sentence.
        refusal: why the call is refused; None if it is allowed, or a person has to be asked.
        asking: how a person is asked; None if nobody is.
        limits: those that count the call if it is made.
    """

    decision: Decision
    source: Source | None
    why: str
    refusal: Refusal | None = None
    asking: Asking | None = None
    limits: Sequence[Counted] = ()


def judge(asked: Asked) -> Ruling:
    """Return what the rules say of a call: the strictest of those that apply decides, of equal ones the first."""
    about = [source for source in _sources(asked) if _is_about(source.rule, asked)]
    allowing = [source for source in about if source.rule.decision is Decision.ALLOW]
    denying, asking = _holding(Decision.DENY, about, asked), _holding(Decision.ASK, about, asked)
    if denying:
        return _denied(denying[0], asked, f"A rule of {denying[0].integration.name} denies it.")
    for source in allowing:
        if refused := _unmet(source, asked):
            return refused
    return _let_through(asking, allowing) if asking or allowing else _by_default(asked)


def _holding(decision: Decision, about: Sequence[Source], asked: Asked) -> list[Source]:
    return [source for source in about if source.rule.decision is decision and _holds(source, asked)]


def _by_default(asked: Asked) -> Ruling:
    """Return what holds where no rule is about the call."""
    asks = asked.operation != CHECK and asked.actor.organization.asks_unless_read_only and not asked.is_read_only()
    return Ruling(Decision.ASK, None, BY_DEFAULT, asking=Asking()) if asks else Ruling(Decision.ALLOW, None, NO_RULE)


def _let_through(asking: Sequence[Source], allowing: Sequence[Source]) -> Ruling:
    """Return the ruling on a call that some rule applies to and none denies."""
    limits = [Counted(source, source.rule.limit) for source in (*asking, *allowing) if source.rule.limit]
    source = (*asking, *allowing)[0]
    if asking:
        why = f"A rule of {source.integration.name} asks a person."
        return Ruling(Decision.ASK, source, why, asking=source.rule.ask or Asking(), limits=limits)
    return Ruling(Decision.ALLOW, source, f"A rule of {source.integration.name} allows it.", limits=limits)


def _sources(asked: Asked) -> Iterator[Source]:
    integration, *parents = asked.links
    tool = tool_of(integration, asked.operation, asked.params)
    for index, rule in enumerate(rules_of(integration)):
        if rule.operation is not None and rule.operation == tool:
            yield Source(integration, index, rule, asked.params["arguments"])
        elif rule.operation in {None, asked.operation}:
            yield Source(integration, index, rule, asked.params)
    for parent in parents:
        for index, rule in enumerate(rules_of(parent)):
            if rule.operation is None:
                yield Source(parent, index, rule, asked.params)


def tool_of(integration: Integration, operation: str, params: Mapping[str, Any]) -> str | None:
    """Return what rules call the tool of a server that a call is about: `call_tool:NAME`; None if it is about none."""
    calling = KINDS[integration.kind].calling_operation
    return f"{calling}:{params['name']}" if calling and operation == calling else None


def _is_about(rule: Rule, asked: Asked) -> bool:
    if asked.operation == CHECK and rule.operation != CHECK:
        return False
    if rule.environments and asked.environment not in rule.environments:
        return False
    is_key = asked.actor.kind is ActorKind.API_KEY
    return not rule.keys or (is_key and bool({asked.actor.id, asked.actor.key_id} & set(rule.keys)))


def _holds(source: Source, asked: Asked) -> bool:
    rule = source.rule
    if rule.hours and not holds_at(rule.hours, asked.moment):
        return False
    return rule.arguments is None or mismatch(rule, source.arguments) is None


def _unmet(source: Source, asked: Asked) -> Ruling | None:
    """Return the refusal of a call that does not meet a condition on which a rule allows it; None if it does."""
    rule, name = source.rule, source.integration.name
    if rule.hours and not holds_at(rule.hours, asked.moment):
        return _denied(source, asked, f"A rule of {name} allows it at other times only.")
    if rule.arguments is None or (pointer := mismatch(rule, source.arguments)) is None:
        return None
    why = f"A rule of {name} allows it with other arguments only."
    where = f"the argument at {pointer}" if pointer else "its arguments together"
    refusal = ArgumentNotAllowed(
        f"A rule of {name} does not allow {where}. Change it, or ask an owner or admin to change the rule.",
        errors=[FieldError("params" + pointer.replace("/", "."), "A rule does not allow this argument.")],
    )
    refusal.members |= {"pointer": pointer, "rule": source.as_json()}
    return Ruling(Decision.DENY, source, why, refusal)


def _denied(source: Source, asked: Asked, why: str) -> Ruling:
    where = asked.environment.label
    refusal = DeniedByRule(f"{why} Nothing was sent in {where}. An owner or admin can change the rule.")
    refusal.members["rule"] = source.as_json()
    return Ruling(Decision.DENY, source, why, refusal)
