"""The form of rules: one card for each, as typed, and the rules that they describe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.http import QueryDict

from accounts.common.environments import Environment
from accounts.common.fields import read_json, write_json
from accounts.errors import FieldError, Invalid
from integrations.rules.comparisons import ArgumentCheck, Operator, comparisons_of, schema_of
from integrations.rules.reading import NOT_SAVED, read_rules
from integrations.rules.shape import MOST_RULES, Asking, Day, Decision, Hours, Rule
from integrations.web.forms.base import plain_lines
from integrations.web.forms.typed import READERS, as_text

MOST_CONDITIONS = 20
Parameters = Mapping[str, Mapping[str, Any]]
"""The declared parameters of each operation, by name."""


@dataclass(slots=True)
class Condition:
    """A condition as typed."""

    argument: str = ""
    operator: str = Operator.IS.value
    value: str = ""


@dataclass(slots=True)
class Card:
    """A rule as typed.

    Attributes:
        schema: the conditions as JSON Schema, where they are more than the page can show as rows.
    """

    operation: str = ""
    environments: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    decision: str = Decision.ASK.value
    conditions: list[Condition] = field(default_factory=list)
    schema: str = ""
    has_hours: bool = False
    days: list[str] = field(default_factory=lambda: [day.value for day in list(Day)[:5]])
    start: str = "08:00"
    end: str = "18:00"
    time_zone: str = "UTC"
    outside: bool = False
    calls: str = ""
    per: str = "day"
    each_key: bool = False
    minutes: str = str(Asking().minutes)
    for_a_while: str = str(Asking().for_a_while)
    approvers: list[str] = field(default_factory=list)
    proof: bool = False
    four_eyes: bool = False


_TEXTS = ("operation", "decision", "schema", "start", "end", "time_zone", "calls", "per", "minutes", "for_a_while")
_LISTS = ("environments", "keys", "days", "approvers")
_FLAGS = ("has_hours", "outside", "each_key", "proof", "four_eyes")


def card_of(rule: Rule) -> Card:
    """Return the card of a stored rule."""
    conditions = comparisons_of(rule.arguments, rule.decision)
    card = Card(
        operation=rule.operation or "",
        environments=[environment.value for environment in rule.environments],
        keys=[str(key) for key in rule.keys],
        decision=rule.decision.value,
        conditions=[Condition(one.argument, one.operator.value, _typed(one)) for one in conditions or []],
        schema=write_json(rule.arguments, is_ascii=False, indent=2) if conditions is None else "",
    )
    _fill_asking(card, rule.ask or Asking())
    if rule.hours:
        _fill_hours(card, rule.hours)
    if rule.limit:
        card.calls, card.per, card.each_key = str(rule.limit.calls), rule.limit.per.value, rule.limit.each_key
    return card


def _fill_asking(card: Card, asking: Asking) -> None:
    card.minutes, card.for_a_while = str(asking.minutes), str(asking.for_a_while)
    card.approvers = [str(person) for person in asking.approvers]
    card.proof, card.four_eyes = asking.proof, asking.four_eyes


def _fill_hours(card: Card, hours: Hours) -> None:
    card.has_hours, card.days, card.outside = True, [day.value for day in hours.days], hours.outside
    card.start, card.end, card.time_zone = hours.start, hours.end, hours.time_zone


def _typed(one: ArgumentCheck) -> str:
    return ", ".join(map(as_text, one.value)) if one.operator is Operator.ONE_OF else as_text(one.value)


def read_cards(post: QueryDict) -> list[Card]:
    """Return the cards as they were sent: their fields begin with `rule-N-`, from 0."""
    cards = []
    for index in range(MOST_RULES + 1):
        name = f"rule-{index}-"
        if f"{name}decision" not in post:
            break
        card = Card(conditions=_conditions(post, name))
        for text in _TEXTS:
            setattr(card, text, plain_lines(post.get(name + text, "")).strip())
        for several in _LISTS:
            setattr(card, several, post.getlist(name + several))
        for flag in _FLAGS:
            setattr(card, flag, name + flag in post)
        cards.append(card)
    return cards


def _conditions(post: QueryDict, name: str) -> list[Condition]:
    columns = [post.getlist(name + column) for column in ("argument", "operator", "value")]
    rows = list(zip(*columns, strict=False))[:MOST_CONDITIONS]
    return [Condition(argument.strip(), operator, value.strip()) for argument, operator, value in rows]


def rules_of_cards(cards: Sequence[Card], parameters: Parameters) -> list[Rule]:
    """Return the rules that cards describe.

    Raises:
        Invalid: one cannot be a rule; `errors` use the names of `rules.reading.read_rules`.
    """
    errors: list[FieldError] = []
    written = [_written(card, f"rules[{index}]", parameters, errors) for index, card in enumerate(cards)]
    try:
        rules = read_rules(written)
    except Invalid as refusal:
        errors += refusal.errors
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    return rules


def _written(card: Card, place: str, parameters: Parameters, errors: list[FieldError]) -> dict[str, Any]:
    rule: dict[str, Any] = {"decision": card.decision, "environments": card.environments, "keys": card.keys}
    if card.operation:
        rule["operation"] = card.operation
    if (arguments := _arguments(card, place, parameters, errors)) is not None:
        rule["arguments"] = arguments
    if card.has_hours:
        hours = Hours.model_fields.keys()
        rule["hours"] = {name: getattr(card, name) for name in hours}
    if card.calls and card.decision != Decision.DENY.value:
        rule["limit"] = {"calls": _number(card.calls), "per": card.per, "each_key": card.each_key}
    if card.decision == Decision.ASK.value:
        numbers = {name: _number(getattr(card, name)) for name in ("minutes", "for_a_while")}
        flags = {name: getattr(card, name) for name in ("approvers", "proof", "four_eyes")}
        rule["ask"] = numbers | flags
    return rule


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text  # noqa: PLR2004


def _arguments(card: Card, place: str, parameters: Parameters, errors: list[FieldError]) -> Any:
    if card.schema:
        try:
            return read_json(card.schema)
        except (ValueError, RecursionError):
            errors.append(FieldError(f"{place}.arguments", "This is not JSON."))
            return None
    filled = [one for one in card.conditions if one.argument or one.value]
    if not filled or card.decision not in set(Decision):
        return None
    found = []
    for number, condition in enumerate(filled):
        try:
            found.append(_compared(condition, parameters.get(card.operation, {})))
        except ValueError:
            sentence = "Compare an argument with a value of its type."
            errors.append(FieldError(f"{place}.arguments[{number}]", sentence))
    return schema_of(found, Decision(card.decision))


def _compared(condition: Condition, declared: Mapping[str, Any]) -> ArgumentCheck:
    """Return a condition with a value of the argument's type.

    Raises:
        ValueError: the comparison is unknown, the argument has no name, or the value has another type.
    """
    operator = Operator(condition.operator)
    if not condition.argument:
        raise ValueError
    kind = declared.get(condition.argument, {}).get("type")
    if operator.is_numeric:
        return ArgumentCheck(condition.argument, operator, READERS["number"](condition.value))
    read = str if operator is Operator.MATCHES or not isinstance(kind, str) else READERS.get(kind, str)
    if operator is Operator.ONE_OF:
        return ArgumentCheck(condition.argument, operator, [read(part.strip()) for part in condition.value.split(",")])
    return ArgumentCheck(condition.argument, operator, read(condition.value))


def parameters_of(operations: Mapping[str, Any]) -> Parameters:
    """Return the declared parameters of operations, by the name of the operation."""
    return {name: operation.parameters.get("properties", {}) for name, operation in operations.items()}


def all_environments() -> list[Environment]:
    """Return the environments in the order of the page."""
    return list(reversed(Environment))


def ids_in(cards: Sequence[Card], name: str) -> set[UUID]:
    """Return the ids that cards name, as far as they are ids."""
    found = set()
    for text in (text for card in cards for text in getattr(card, name)):
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found
