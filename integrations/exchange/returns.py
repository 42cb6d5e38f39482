"""What of an upstream's answer is passed on to the caller, as the configuration declares it.

A short JMESPath expression can make a huge result out of a small body: `[@,@][]` doubles a list each time that it is
piped into itself. So the work of an expression and the size of its result are bounded, and the functions whose single
call could exceed any bound are not offered.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter
from typing_extensions import override

from accounts.common.fields import WrittenNumber

MOST_WORK = 4 * 1024 * 1024
"""Steps of an expression, elements and characters that pass through them; and elements and characters of its result."""
DEEPEST_RESULT = 200
NOT_OFFERED = {"join", "to_string"}

functions.TYPES_MAP[WrittenNumber.__name__] = "number"  # JMESPath knows types by the names of their classes
functions.REVERSE_TYPES_MAP["number"] = (*functions.REVERSE_TYPES_MAP["number"], WrittenNumber.__name__)


class PassedOn(StrEnum):
    """What of an answer is passed on to the caller."""

    EVERYTHING = "everything"
    FIELDS = "fields"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Returns:
    """What of an answer is passed on, and for `fields` the JMESPath expression that makes the body of it."""

    passed_on: PassedOn = PassedOn.EVERYTHING
    expression: str = ""


EVERYTHING, STATUS_ALONE = Returns(), Returns(PassedOn.STATUS)


class _TooMuch(Exception):  # noqa: N818 - a result that `choose` turns into nothing
    """The bound of an expression is reached."""


def problem_with_expression(expression: str) -> str | None:
    """Return why an expression cannot choose fields, as a sentence; None if it can."""
    if not expression.strip():
        return "Enter a JMESPath expression, such as {id: id, status: status}."
    try:
        used = _functions(jmespath.compile(expression).parsed)
    except (JMESPathError, RecursionError):
        return "This is not a JMESPath expression. See jmespath.org."
    refused = sorted(used & NOT_OFFERED)
    return f"Leave the function {refused[0]} out: only values that the answer holds are passed on." if refused else None


def choose(body: Any, expression: str) -> Any:
    """Return what a JMESPath expression makes of a parsed JSON body.

    Returns:
        None if it selects nothing, does not fit the body, or would make more than the bounds allow.
    """
    if problem_with_expression(expression):
        return None
    try:
        chosen = _BoundedInterpreter().visit(jmespath.compile(expression).parsed, body)
        _check_size(chosen)
    except (JMESPathError, RecursionError, _TooMuch):
        return None
    return chosen


class _BoundedInterpreter(TreeInterpreter):
    """JMESPath's interpreter, which ends when an expression has worked too much."""

    def __init__(self) -> None:
        super().__init__()
        self._left = MOST_WORK

    @override
    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        found = super().visit(node, *args, **kwargs)
        self._left -= 1 + (len(found) if isinstance(found, list | dict | str) else 0)
        if self._left < 0:
            raise _TooMuch
        return found


def _functions(node: Any) -> set[str]:
    """Return the names of the functions that a parsed expression calls."""
    called = {node["value"]} if node["type"] == "function_expression" else set()
    return called.union(*(_functions(child) for child in node["children"]))


def _check_size(chosen: Any) -> None:
    """Raise `_TooMuch` if a result is too large or too deep. Its parts may be shared, so it is counted as written."""
    left, waiting = MOST_WORK, [(chosen, 0)]
    while waiting:
        part, depth = waiting.pop()
        left -= 1 + (len(part) if isinstance(part, str) else 0)
        if left < 0 or depth > DEEPEST_RESULT:
            raise _TooMuch
        if isinstance(part, dict):
            left -= sum(map(len, part))
            waiting += [(child, depth + 1) for child in part.values()]
        elif isinstance(part, list):
            waiting += [(child, depth + 1) for child in part]
