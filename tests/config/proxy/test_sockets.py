"""WebSockets through a real server to a real upstream: what arrives, what comes back, and who may not."""

import json

import pytest

from integrations.models import Run
from tests.peers.models.said import HARMLESS
from tests.peers.models.server import models
from tests.support.api.sockets import end_of, play, voice

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


def event(kind, **members):
    return json.dumps({"type": kind, **members})


def test_a_session_goes_both_ways_and_is_a_run(owner):
    async def story(sockets):
        async with sockets.open(subprotocols=["realtime"]) as socket:
            head = socket.response.headers
            assert (socket.subprotocol, head["X-Request-Id"]) == ("realtime", "req_7")
            assert json.loads(await socket.recv())["type"] == "session.created"
            await socket.send(event("response.create"))
            told = [json.loads(await socket.recv())]
            while told[-1]["type"] != "response.done":
                told.append(json.loads(await socket.recv()))
            text = "".join(one["delta"] for one in told if one["type"] == "response.output_text.delta")
            assert text == HARMLESS
            await socket.send(bytes(range(256)))
            assert await socket.recv() == bytes(range(256))
            await socket.send(event("leave"))
            assert await end_of(socket) == (4007, "Bye")
            sockets.run_id = head["Coffer-Run-Id"]

    with models() as (url, said), voice(owner, url) as (connection, key):
        play(key, story)
    method, target, headers = said.asked[0]
    assert (method, target, headers["Authorization"][:10]) == ("GET", "/v1/realtime?model=gpt", "Bearer sk-")
    assert "cof_" not in str(headers) and headers["Sec-WebSocket-Protocol"] == "realtime"
    run = Run.objects.get()
    assert (run.outcome, run.operation, run.status, run.integration_id) == (
        "upstream_error", "pass_through", 101, connection.id,
    )  # fmt: skip
    assert run.sent_bytes > 256 and run.answer_bytes > 1000 and run.first_byte_ms <= run.duration_ms
