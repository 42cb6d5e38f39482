"""The shape of a rule, as the API takes it and the database keeps it (docs/rules.md)."""

from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from accounts.common.environments import Environment
from integrations.kinds.config_fields import StrictConfig
from integrations.templating.formats import FORMAT_CHECKER, VALIDATOR

MOST_RULES = 50
"""Of one integration."""
MOST_NAMED = 50
"""Keys or people that one rule names."""
MOST_CALLS = 1_000_000
SHORTEST_WAIT, LONGEST_WAIT = 1, 1440
"""Minutes for which a held call may wait for a person."""
LONGEST_WHILE = 1440
"""Minutes for which a person may approve an operation."""


class Decision(StrEnum):
    """What a rule says of a call, the mildest first."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"

    @property
    def strictness(self) -> int:
        """A number that is larger the stricter the decision is."""
        return list(Decision).index(self)


class Per(StrEnum):
    """The span in which calls are counted."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def label(self) -> str:
        """The span with its article, such as `an hour`."""
        return f"{'an' if self is Per.HOUR else 'a'} {self.value}"

    @property
    def span(self) -> timedelta:
        """The span as a length of time."""
        return timedelta(**{f"{self.value}s": 1})


class Day(StrEnum):
    """A day of the week, in the order of `datetime.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Limit(StrictConfig):
    """At most so many calls in any minute, hour or day; of each environment by itself.

    Attributes:
        each_key: whether each API key is counted by itself, rather than all callers together.
    """

    calls: Annotated[int, Field(strict=True, ge=1, le=MOST_CALLS)]
    per: Per
    each_key: bool = False


TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Hours(StrictConfig):
    """Times of the week, such as business hours.

    Attributes:
        start, end: such as `08:00` and `18:00`; an end that is not after the start is on the next day.
        outside: whether all other times are meant.
    """

    days: Annotated[list[Day], Field(min_length=1, max_length=7)] = list(Day)
    start: TimeOfDay = "00:00"
    end: TimeOfDay = "00:00"
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    outside: bool = False


class Asking(StrictConfig):
    """How a person is asked.

    Attributes:
        minutes: how long the call waits; then it is refused.
        approvers: ids of people who decide, beside owners and admins.
        proof: whether a decision needs a fresh proof of who decides.
        four_eyes: whether nobody may approve a call of their own.
        for_a_while: for how many minutes a person may approve the operation at once; 0 for never.
    """

    minutes: Annotated[int, Field(strict=True, ge=SHORTEST_WAIT, le=LONGEST_WAIT)] = 15
    approvers: Annotated[list[UUID], Field(max_length=MOST_NAMED)] = []
    proof: bool = False
    four_eyes: bool = False
    for_a_while: Annotated[int, Field(strict=True, ge=0, le=LONGEST_WHILE)] = 60


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError
    return text


class Rule(StrictConfig):
    """A rule of an integration's calls.

    Attributes:
        operation: the operation it is about, `call_tool:NAME` for a tool of an MCP server; none for every one.
        environments: those it is about; empty for all.
        keys: ids of the API keys it is about, with their sessions; empty for every caller.
        arguments: a JSON Schema of the arguments.
        hours: times of the week.
    """

    operation: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_without_nul)] | None = None
    environments: Annotated[list[Environment], Field(max_length=3)] = []
    keys: Annotated[list[UUID], Field(max_length=MOST_NAMED)] = []
    decision: Decision
    limit: Limit | None = None
    arguments: dict[str, Any] | None = None
    hours: Hours | None = None
    ask: Asking | None = None

    @cached_property
    def is_negated(self) -> bool:
        """Whether the schema only says what arguments may not be, as those of the page do that ask or deny."""
        return self.arguments is not None and self.arguments.keys() == {"not"}

    @cached_property
    def validator(self) -> Any:
        """What judges arguments by the schema, or by the one that it negates."""
        schema = self.arguments or {}
        return VALIDATOR(schema["not"] if self.is_negated else schema, format_checker=FORMAT_CHECKER)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as the API gives it and the database keeps it, without what is as if left out."""
        return self.model_dump(mode="json", exclude_defaults=True)
