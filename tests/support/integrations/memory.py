"""A search of the process's memory for text that nothing may keep."""

import functools
import gc
from types import FunctionType, ModuleType
from typing import Any

from yarl import URL

LIBRARIES = {"yarl", "aiohttp", "urllib", "idna", "multidict"}
DEEPEST = 6


def all_caches() -> list[Any]:
    """Every cache of the process, those too that `tests/conftest.py` froze before the first test."""
    gc.unfreeze()
    return [found for found in gc.get_objects() if type(found) is functools._lru_cache_wrapper]


def caches_that_hold(text: str) -> set[str]:
    """The names of the libraries' caches from which `text` is within reach."""
    return {
        cache.__qualname__
        for cache in all_caches()
        if cache.__module__.split(".")[0] in LIBRARIES and reaches(cache, text, seen=set(), depth=0)
    }


def reaches(holder: object, text: str, *, seen: set[int], depth: int) -> bool:
    kind = type(holder)  # not isinstance: other tests leave lazy objects behind, which would wake up
    if issubclass(kind, str):
        return text in holder
    if id(holder) in seen or depth > DEEPEST or issubclass(kind, (ModuleType, FunctionType, type)):
        return False
    seen.add(id(holder))
    return any(reaches(held, text, seen=seen, depth=depth + 1) for held in gc.get_referents(holder))


def urls_that_hold(text: str) -> int:
    """How many URLs with `text` in them are still alive, whoever holds them."""
    gc.unfreeze()
    gc.collect()
    return sum(type(found) is URL and text in str(found) for found in gc.get_objects())
