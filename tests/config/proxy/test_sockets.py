"""WebSockets through a real server to a real upstream: what arrives, what comes back, and who may not."""

import asyncio
import json
import logging
from contextlib import suppress

import pytest
from websockets.exceptions import InvalidStatus

from accounts.models import ApiKey
from config.http.requests import RequestIds
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Run
from tests.peers.models.said import CREDENTIAL, HARMLESS
from tests.peers.models.server import models
from tests.peers.raw_websockets import CLOSE, accept_of, frame, switching
from tests.peers.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer
from tests.peers.upstreams import answering, closed_port, http
from tests.support.api.sockets import SENDS, STAGING, end_of, play, voice
from tests.support.things import key_for, make_connection, make_oauth, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

OURS = "openai-insecure-api-key"


def event(kind, **members):
    return json.dumps({"type": kind, **members})


async def said_in_a_response(socket):
    """The events of one answer, after the session has begun."""
    assert json.loads(await socket.recv())["type"] == "session.created"
    await socket.send(event("response.create"))
    told = [json.loads(await socket.recv())]
    while told[-1]["type"] != "response.done":
        told.append(json.loads(await socket.recv()))
    return told


def test_a_session_goes_both_ways_and_is_a_run(owner, caplog):
    caplog.set_level(logging.INFO)

    async def story(sockets):
        async with sockets.open(subprotocols=["realtime"], user_agent_header="Agent/1") as socket:
            head = socket.response.headers
            assert (socket.subprotocol, head["X-Request-Id"], "Coffer-Run-Id" in head) == ("realtime", "req_7", True)
            told = await said_in_a_response(socket)
            assert "".join(one["delta"] for one in told if one["type"] == "response.output_text.delta") == HARMLESS
            await socket.send(bytes(range(256)))
            assert await socket.recv() == bytes(range(256))
            await socket.send(event("leave"))
            assert await end_of(socket) == (4007, "Bye")
        async with sockets.open() as socket:
            await socket.send(event("flood", bytes=1_000_000))
            await socket.close(4000, "enough")  # while the other side is sending

    with models() as (url, said), voice(owner, url) as (connection, key):
        play(key, story)
        method, target, headers = said.asked[0]
        assert (method, target, headers["User-Agent"]) == ("GET", "/v1/realtime?model=gpt", "Agent/1")
        assert (headers["Authorization"], headers["Sec-WebSocket-Protocol"]) == (f"Bearer {CREDENTIAL}", "realtime")
        assert "cof_" not in str(headers) and "Sec-WebSocket-Extensions" not in headers
        assert said.ended == ["closed 4007", "closed 4000"]
    by_upstream, by_caller = Run.objects.order_by("started_at")
    assert (by_upstream.outcome, by_upstream.operation, by_upstream.status, by_upstream.integration_id) == (
        "upstream_error", "pass_through", 101, connection.id,
    )  # fmt: skip
    assert by_upstream.sent_bytes > 256 and by_upstream.answer_bytes > 10_000
    assert by_upstream.first_byte_ms <= by_upstream.duration_ms
    assert (by_caller.outcome, by_caller.status, by_caller.sent_bytes) == ("succeeded", 101, 35)
    lines = [record.args for record in caplog.records if record.name == "coffer.requests"]
    assert [(line["route"], line["method"], line["status"]) for line in lines] == [
        ("proxy/<connection>/<path>", "GET", 101)
    ] * 2
    assert "model=gpt" not in caplog.text


def test_the_key_stands_where_the_services_own_key_goes(owner):
    async def story(sockets):
        key = sockets.key
        for headers, offered, agreed, sent_on in [
            ({"X-Api-Key": key}, None, None, None),
            ({"Authorization": f"Token {key}"}, ["realtime"], "realtime", "realtime"),
            ({}, ["realtime", f"{OURS}.{key}"], "realtime", "realtime"),
            ({"Origin": "https://app.example.com"}, ["realtime", f"{OURS}.{key}"], "realtime", "realtime"),
            ({}, ["token", key], "token", None),
            ({"Origin": sockets.address.replace("ws", "http")} | {"X-Api-Key": key}, None, None, None),
        ]:
            async with sockets.open(headers=headers, subprotocols=offered) as socket:
                assert socket.subprotocol == agreed, (headers, offered)
            assert said.asked[-1][2].get("Sec-WebSocket-Protocol") == sent_on
            assert "Origin" not in said.asked[-1][2] and key not in str(said.asked)
        wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
        for headers, offered, status, code in [
            ({}, None, 401, "unauthenticated"),
            ({}, ["realtime"], 401, "unauthenticated"),
            ({}, [f"{OURS}.{wrong}"], 401, "unauthenticated"),
            ({}, [f"a.{key}", f"b.{key}"], 401, "unauthenticated"),
            ({"X-Api-Key": key}, [f"{OURS}.{key}"], 401, "unauthenticated"),
            ({}, [f"{key}.x"], 401, "unauthenticated"),
            ({"X-Api-Key": key, "Origin": "https://app.example.com"}, None, 403, "foreign_origin"),
            ({"X-Api-Key": key, "Origin": "null"}, ["realtime"], 403, "foreign_origin"),
        ]:
            assert await sockets.refusal(headers=headers, subprotocols=offered) == (status, code), (headers, offered)
        assert await sockets.refusal(f"/v1/realtime?key={key}") == (401, "unauthenticated")

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)
    assert len(said.asked) == 6


def test_a_connection_may_send_its_credential_as_a_sub_protocol(owner):
    async def story(sockets):
        async with sockets.open(subprotocols=["v1", "realtime"]) as socket:
            assert socket.subprotocol == "realtime"
            told = [socket.response.headers, await said_in_a_response(socket)]
        assert CREDENTIAL not in str(told)

    protocols = [{"name": "Sec-WebSocket-Protocol", "value": f"{OURS}.{{secrets.openai.apiKey}}"}]
    with models() as (url, said), voice(owner, url, headers=protocols) as (_, key):
        play(key, story)
    assert said.asked[0][2]["Sec-WebSocket-Protocol"] == f"{OURS}.{CREDENTIAL}, v1, realtime"


def test_a_connection_may_send_its_credential_in_the_query_and_by_a_connector(owner):
    seen, server = [], TokenServer()

    def speak(request, connection):
        head = request.decode()
        seen.append(head.split(" ")[1])
        if "Upgrade: websocket" not in head:
            server.respond(request, connection)
        elif "Authorization: Bearer access-token-2" not in head:
            connection.sendall(http(b"expired", status="401 Unauthorized"))
        else:
            connection.sendall(switching(request) + frame(CLOSE, b"\x03\xe8"))

    async def story(sockets):
        async with sockets.open("/listen?key=mine&a=b") as socket:
            assert (await end_of(socket))[0] == 1000

    query = [{"name": "key", "value": "{secrets.openai.apiKey}"}]
    with answering(speak) as url, voice(owner, url, headers=[], query=query) as (connection, key):
        for name, value in (("crm.clientId", CLIENT_ID), ("crm.clientSecret", CLIENT_SECRET)):
            store_secret(owner, name, value)
        connector = make_oauth(owner, url)
        connection.config["auth_connector"] = str(connector.pk)
        update_integration(
            actor=owner, integration_id=connection.pk, changes=IntegrationChanges(config=connection.config)
        )
        play(key, story)
    target = f"/listen?a=b&key={CREDENTIAL}"
    assert seen == ["/token", target, "/token", target]
    assert Run.objects.get().outcome == "succeeded"


def test_those_who_may_not_get_a_problem_document_and_open_nothing(owner, outsider):
    theirs, several = key_for(outsider, environments=STAGING), key_for(owner)

    async def story(sockets):
        for key, at, path, status, code in [
            (theirs, "Voice", "/v1/realtime", 404, "not_found"),
            (sockets.key, "Nothing", "/v1/realtime", 404, "not_found"),
            (sockets.key, "Voice@production", "/v1/realtime", 403, "permission_denied"),
            (several, "Voice", "/v1/realtime", 422, "invalid"),
            (sockets.key, "Voice", "/v1/other", 403, "path_not_allowed"),
            (sockets.key, "Voice", "//v1/realtime", 422, "invalid_path_value"),
            (sockets.key, "Voice", f"/v1/realtime?x={CREDENTIAL}", 422, "argument_contains_secret"),
            (sockets.key, "Off", "/v1/realtime", 403, "path_not_allowed"),
            (sockets.key, "Short", "/v1/realtime", 502, "answer_withheld"),
            (sockets.key, "Gone", "/v1/realtime", 502, "upstream_unreachable"),
        ]:
            headers = {"Authorization": f"Bearer {key}"}
            assert await sockets.refusal(path, at=at, headers=headers) == (status, code), (at, path)
        wrong_host = {"Host": "elsewhere.example.com", "Authorization": f"Bearer {sockets.key}"}
        assert await sockets.refusal(headers=wrong_host) == (400, "bad_request")
        elsewhere = sockets.address
        sockets.address = f"{elsewhere}/api/v1/x"
        assert await sockets.refusal() == (404, "not_found")

    with (
        models() as (url, said),
        voice(owner, url, pass_through="listed", pass_through_paths=["GET /v1/realtime"]) as (
            _,
            key,
        ),
    ):
        make_connection(owner, url, "Off", headers=SENDS)
        store_secret(owner, "short.pin", "4711", allow_short=True)
        pin = [{"name": "X-Pin", "value": "{secrets.short.pin}"}]
        make_connection(owner, url, "Short", headers=pin, pass_through="everything")
        make_connection(owner, f"http://127.0.0.1:{closed_port()}", "Gone", headers=SENDS, pass_through="everything")
        play(key, story)
    assert said.asked == []
    assert not Run.objects.filter(outcome="succeeded").exists()


def test_without_descriptors_a_handshake_is_answered_503(owner, monkeypatch):
    async def story(sockets):
        monkeypatch.setattr(RequestIds, "_has_descriptors", lambda *_: False)
        head, _, body = (await sockets.raw_answer("/v1/realtime")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ") and b"x-request-id: " in head
        assert json.loads(body)["code"] == "out_of_resources"

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)
    assert said.asked == []


def test_a_key_opens_no_more_than_its_concurrent_calls(owner):
    async def story(sockets):
        async with sockets.open() as first:
            await first.recv()
            assert await sockets.refusal() == (429, "rate_limited")
        while True:
            with suppress(InvalidStatus):  # until the first has ended on both sides
                async with sockets.open() as second:
                    assert json.loads(await second.recv())["type"] == "session.created"
                    return

    with models() as (url, _), voice(owner, url) as (_, key):
        ApiKey.objects.update(max_concurrent=1)
        play(key, story)


def test_another_answer_of_the_upstream_comes_back_masked_and_no_redirect_is_followed(owner):
    elsewhere = f"http://127.0.0.1:{closed_port()}/"
    answers = [
        http(f'{{"error": "no {CREDENTIAL}"}}'.encode(), status="401 Unauthorized", headers=("X-Why: no",)),
        http(b"", status="302 Found", headers=(f"Location: {elsewhere}?k={CREDENTIAL}", f"X-K: {CREDENTIAL}")),
    ]

    async def story(sockets):
        for status, header, body in [
            (b"401 ", b"x-why: no", b'{"error": "no [redacted]"}'),
            (b"302 ", f"location: {elsewhere}?k=[redacted]".encode(), b""),
        ]:
            head, _, given = (await sockets.raw_answer("/v1/realtime")).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 " + status) and given == body
            assert header in head and b"x-content-type-options: nosniff" in head and b"coffer-error" not in head.lower()
            assert CREDENTIAL.encode() not in head

    with answering(lambda _, connection: connection.sendall(answers.pop(0))) as url, voice(owner, url) as (_, key):
        play(key, story)
    assert list(Run.objects.order_by("started_at").values_list("outcome", "status")) == [
        ("upstream_error", 401), ("upstream_error", 302),
    ]  # fmt: skip


def test_a_caller_who_leaves_during_the_handshake_ends_it(owner):
    seen = []

    def wait(request, connection):
        seen.append(accept_of(request))
        connection.settimeout(30)
        seen.append(connection.recv(1))

    async def story(sockets):
        opening = asyncio.create_task(sockets.open().__aenter__())
        while not seen:
            await asyncio.sleep(0.02)
        opening.cancel()
        while len(seen) < 2:
            await asyncio.sleep(0.02)
        async for run in Run.objects.all():
            while run.outcome == "started":
                await asyncio.sleep(0.02)
                await run.arefresh_from_db()
            assert (run.outcome, run.error_code) == ("failed", "cancelled")

    with answering(wait) as url, voice(owner, url) as (_, key):
        play(key, story)
    assert seen[1] == b""
