"""Hooks of schemathesis, which reads this module in a process of its own.

Random texts are seldom a URL that may be called or the id of something. So of the valid requests, many have the
document's own example as body and the ids of real things in their address. What an example makes, links lead to.
"""

import itertools
import json
import os
from typing import Any

import requests
import schemathesis
from schemathesis.checks import CHECKS

THINGS: dict[str, str] = json.loads(os.environ.get("THINGS", "{}"))
"""The id of something real, by the parameter that takes it; and the address of an upstream that answers."""
OUT_OF = 4
"""One in so many valid requests stays as it was generated."""

_numbers = itertools.count(1)
_asked_without_a_key: set[tuple[str, Any]] = set()


@schemathesis.hook
def before_call(context: Any, case: Any, _kwargs: Any) -> None:
    """Put the example into a request, under a name of its own, and ids of real things into its address."""
    number = next(_numbers)
    if case.meta is None or case.meta.generation.mode.is_negative or number % OUT_OF == 0:
        return
    if example := _example(case.operation.definition.raw):
        case.body = example | ({"name": f"{example['name']}.{number}"} if "name" in example else {})
    if case.meta.phase.name.value != "stateful" and case.method != "DELETE":
        case.path_parameters = {name: THINGS.get(name, value) for name, value in (case.path_parameters or {}).items()}


_created_is_there = CHECKS.get_one("ensure_resource_availability")
CHECKS.unregister("ensure_resource_availability")


@schemathesis.check
def ensure_resource_availability(context: Any, response: Any, case: Any) -> bool | None:
    """Do what the check of this name does. Tools are left out, which integrations of few kinds have."""
    return None if "/tools" in case.path else _created_is_there(context, response, case)


@schemathesis.check
def nothing_without_a_key(context: Any, response: Any, case: Any) -> None:
    """The same request without its API key gets a refusal and nothing else.

    Each operation is asked so once with a valid request, and once with another.
    """
    asked = (case.operation.label, case.meta and case.meta.generation.mode)
    if asked in _asked_without_a_key:
        return
    _asked_without_a_key.add(asked)
    request = response.request.copy()
    request.headers.pop("Authorization", None)
    with requests.Session() as session:
        answer = session.send(request, allow_redirects=False, timeout=60)
    assert 400 <= answer.status_code < 500, answer.status_code
    assert answer.headers["content-type"] == "application/problem+json"


def _example(operation: dict[str, Any]) -> dict[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    example = content.get("application/json", {}).get("example")
    if example and "base_url" in example.get("config", {}):
        return example | {"config": example["config"] | {"base_url": THINGS["base_url"]}}
    return example
