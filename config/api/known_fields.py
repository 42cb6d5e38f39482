"""The fields of a request's schema, for the sentence about one that does not exist."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def fields_at(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """Return the names of the fields at a place of a schema.

    Args:
        model: the schema of the whole.
        path: the fields and list positions that lead to the place.
    """
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = next(_models(model.model_fields[step].annotation), model)
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the schemas in an annotation such as `list[Entry] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
