"""Reading rules that somebody wrote: their shape, and what they say in themselves."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from accounts.errors import FieldError, Invalid
from integrations.kinds.config_fields import sentence_for
from integrations.rules.conditions import problems_with_hours, problems_with_schema
from integrations.rules.shape import MOST_RULES, Decision, Rule

NOT_SAVED = "The rules were not saved."
_SENTENCES = {
    "uuid_parsing": "Give ids.",
    "uuid_type": "Give ids.",
    "string_pattern_mismatch": "Give a time of day such as 08:00.",
}


def read_rules(raw: Sequence[Any], place: str = "rules") -> list[Rule]:
    """Return the rules of a list as it was written.

    Args:
        place: what errors call the list.

    Raises:
        Invalid: with a field error for each finding, such as `rules[0].limit.calls`.
    """
    if len(raw) > MOST_RULES:
        raise Invalid(NOT_SAVED, errors=[FieldError(place, f"An integration has at most {MOST_RULES} rules.")])
    rules: list[Rule] = []
    errors: list[FieldError] = []
    for index, each in enumerate(raw):
        try:
            rules.append(Rule.model_validate(each))
        except ValidationError as error:
            errors += _findings(error, f"{place}[{index}]")
        else:
            errors += problems_with(rules[-1], f"{place}[{index}]")
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    return rules


def problems_with(rule: Rule, place: str) -> Iterator[FieldError]:
    """Yield what is wrong with a rule of the right shape, whatever integration it is for."""
    if rule.decision is Decision.DENY and rule.limit:
        yield FieldError(f"{place}.limit", "A rule that denies has nothing to count. Leave the limit out.")
    if rule.decision is not Decision.ASK and rule.ask:
        yield FieldError(f"{place}.ask", "Only a rule that asks says how. Leave this out.")
    if rule.arguments is not None:
        if rule.operation is None:
            yield FieldError(f"{place}.operation", "Name the operation whose arguments are meant.")
        yield from problems_with_schema(rule.arguments, f"{place}.arguments")
    if rule.hours:
        yield from problems_with_hours(rule.hours, f"{place}.hours")


def _findings(error: ValidationError, place: str) -> Iterator[FieldError]:
    for finding in error.errors(include_url=False, include_input=False):
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in finding["loc"])
        yield FieldError(place + "".join(steps), _sentence(finding))


def _sentence(finding: Mapping[str, Any]) -> str:
    return _SENTENCES.get(finding["type"]) or sentence_for(Rule, finding)
