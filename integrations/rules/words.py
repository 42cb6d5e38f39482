"""A rule as a sentence."""

from collections.abc import Sequence

from accounts.common.environments import Environment, in_order
from accounts.common.fields import write_json
from integrations.rules.comparisons import ArgumentCheck, comparisons_of
from integrations.rules.shape import Day, Decision, Hours, Limit, Rule

_VERBS = {Decision.ALLOW: "Allows", Decision.ASK: "Asks a person about", Decision.DENY: "Denies"}


def in_words(rule: Rule, keys: Sequence[str] = ()) -> str:
    """Return what a rule says: `Asks a person about refund in Production where amount is more than 50.`

    Args:
        keys: the names of the API keys that it is about.
    """
    parts = [_VERBS[rule.decision], rule.operation or "every operation"]
    if rule.environments:
        parts.append(f"in {_listed([one.label for one in in_order(map(Environment, rule.environments))])}")
    if rule.keys:
        parts.append(f"by {_listed(keys) if keys else 'chosen API keys'}")
    if rule.arguments is not None:
        parts.append(_conditions(rule))
    if rule.hours:
        parts.append(("only " if rule.decision is Decision.ALLOW else "") + _times(rule.hours))
    if rule.limit:
        parts.append(_limit(rule.limit))
    return " ".join(parts) + "."


def _conditions(rule: Rule) -> str:
    found = comparisons_of(rule.arguments, rule.decision)
    word = "only where" if rule.decision is Decision.ALLOW else "where"
    return f"{word} {_listed([_compared(one) for one in found])}" if found else f"{word} its schema fits the arguments"


def _compared(one: ArgumentCheck) -> str:
    values = one.value if isinstance(one.value, list) else [one.value]
    shown = ", ".join(value if isinstance(value, str) else write_json(value) for value in values)
    return f"{one.argument} {one.operator.label} {shown}"


def _times(hours: Hours) -> str:
    days = (
        "every day" if len(hours.days) == len(Day) else f"on {_listed([day.value.capitalize() for day in hours.days])}"
    )
    span = "" if hours.start == hours.end == "00:00" else f" from {hours.start} to {hours.end}"
    return f"{'outside of ' if hours.outside else ''}{days}{span} ({hours.time_zone})"


def _limit(limit: Limit) -> str:
    times = "once" if limit.calls == 1 else f"{limit.calls} times"
    return f"at most {times} {limit.per.label}{' by each key' if limit.each_key else ''}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
