"""Names that do not exist: which ones do, and which of them was probably meant."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

LONGEST = 64
"""Longer names are not compared: they are no misspelling, and comparing takes quadratic time."""


def no_such(thing: str, name: str, known: Iterable[str], *, lists: bool = True) -> str:
    """Return a sentence that says that there is no such thing, and names those that there are.

    The unknown name is not repeated, because it may be part of a value.

    Args:
        thing: what the name should be the name of, such as "field".
        known: the names that exist.
        lists: whether to name them all; an answer with many faults does so once.
    """
    names = sorted(known)
    if not names:
        return f"There is no such {thing}, and there are no others."
    nearest = get_close_matches(name, names, n=1) if len(name) <= LONGEST else []
    proposal = f" Did you mean {nearest[0]}?" if nearest else ""
    listed = f" There are {', '.join(names)}." if lists else ""
    return f"There is no such {thing}.{proposal}{listed}"


def fields_at(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """Return the names of the fields at a place of a schema.

    Args:
        model: the schema of the whole.
        path: the fields and list positions that lead to the place, as pydantic names them.
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
