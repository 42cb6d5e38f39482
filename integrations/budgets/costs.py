"""What operations cost: a fixed amount, or a number that the answer holds times an amount."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from accounts.common.bounds import COST_DIGITS, COST_PLACES
from accounts.errors import FieldError
from integrations.kinds.config_fields import StrictConfig

EVERY = "*"
"""Stands for every operation that is not named."""
MOST_COSTS = 100
_LARGEST = Decimal(10) ** (COST_DIGITS - COST_PLACES)


def read_amount(text: str) -> Decimal | None:
    """Return an amount from 0, with at most eight digits after the point; None if the text is none."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    fits = amount.is_finite() and 0 <= amount < _LARGEST and -int(amount.as_tuple().exponent) <= COST_PLACES
    return amount if fits else None


def _checked(text: str) -> str:
    if read_amount(text) is None:
        raise ValueError(f"Write an amount such as 0.01, with at most {COST_PLACES} digits after the point.")
    return text


Amount = Annotated[str, Field(max_length=40), AfterValidator(_checked)]


class FixedCost(StrictConfig):
    """Each call costs the same."""

    fixed: Amount


class MeteredCost(StrictConfig):
    """Each call costs a number of its answer, times an amount.

    Attributes:
        field: where the number stands in the JSON of the answer, as a JSON Pointer (RFC 6901).
    """

    field: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^(/([^~/]|~[01])*)+$")]
    each: Amount


Cost = FixedCost | MeteredCost
_COSTS: TypeAdapter[dict[str, Cost]] = TypeAdapter(dict[Annotated[str, Field(min_length=1, max_length=200)], Cost])


def faults(costs: object) -> list[FieldError]:
    """Return what is wrong with costs by operation."""
    try:
        read = _COSTS.validate_python(costs)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        sentences = {str(fault["msg"]).removeprefix("Value error, ").rstrip(".") for fault in found}
        how = 'Write {"operation": {"fixed": "0.01"}} or {"operation": {"field": "/usage/total", "each": "0.01"}}.'
        return [FieldError("costs", f"{min(sentences)}. {how}")]
    return [FieldError("costs", f"Name at most {MOST_COSTS} operations.")] if len(read) > MOST_COSTS else []


def cost_of(costs: Mapping[str, Any], operation: str) -> Cost | None:
    """Return what an operation costs; None if nothing."""
    stored = costs.get(operation, costs.get(EVERY))
    return _COSTS.validate_python({EVERY: stored})[EVERY] if stored else None


def metered(cost: MeteredCost, body: bytes) -> Decimal | None:
    """Return what a call with this answer cost; None if there is no number from 0 where it should be.

    Of an event stream, or of lines of JSON, the last event that has something there tells it.
    """
    number = next((found for text in _documents(body) if (found := _number(text, cost.field)) is not None), None)
    if isinstance(number, bool) or not isinstance(number, int | Decimal) or not 0 <= number < _LARGEST:
        return None
    amount = Decimal(number) * Decimal(cost.each)
    return amount.quantize(Decimal(1).scaleb(-COST_PLACES)) if amount < _LARGEST else None


def _documents(body: bytes) -> Iterator[bytes]:
    """Yield the texts of an answer that may be JSON: the whole, then the data of its events, the last first."""
    yield body
    for line in reversed(body.splitlines()):
        if text := line.removeprefix(b"data:").strip():
            yield text


def _number(text: bytes, pointer: str) -> Any:
    """Return what a JSON text has at a place; None if it is none, or has nothing there."""
    try:
        return _at(json.loads(text, parse_float=Decimal, parse_constant=str), pointer)
    except (ValueError, RecursionError, LookupError, TypeError):
        return None


def _at(document: Any, pointer: str) -> Any:
    """Return what a JSON Pointer leads to.

    Raises:
        LookupError, TypeError, ValueError: it leads nowhere.
    """
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document
