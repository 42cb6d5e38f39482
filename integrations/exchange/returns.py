"""What of an upstream's answer is passed on to the caller, as the configuration declares it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError


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


EVERYTHING = Returns()


def choose(body: Any, expression: str) -> Any:
    """Return what a JMESPath expression makes of a parsed JSON body; None if it selects nothing.

    An expression that does not fit the body, such as a function of another type, selects nothing.
    """
    try:
        return jmespath.search(expression, body)
    except (JMESPathError, RecursionError):
        return None
