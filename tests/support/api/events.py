"""Runs whose answer comes as events: asked for over the API handler, and read."""

import json

from asgiref.sync import async_to_sync

from config.api.fast_path import FastPath
from config.api.handler import ApiHandler
from tests.support.api.asgi import bearer, call_asgi


def read_events(answer: bytes) -> list[tuple[str, dict]]:
    """The events of an answer, with their data."""
    found = []
    for event in answer.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def whole_text(events) -> str:
    """All pieces of text together."""
    return "".join(data["text"] for name, data in events if name == "piece")


def stream_run(action, key, *, path="", headers=(), **body):
    """Status, headers, and events or problem of a run that is asked to stream."""
    wanted = json.dumps({"environment": "staging", "stream": True, **body}).encode()
    address = f"/api/v1/integrations/{action.id}/run{path}"
    status, found, answer = async_to_sync(call_asgi)(
        FastPath(ApiHandler()), "POST", address, wanted, [*bearer(key), *headers]
    )
    return status, dict(found), read_events(answer) if status == 200 else json.loads(answer)
