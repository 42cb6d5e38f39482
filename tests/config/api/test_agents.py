"""Agents at `/mcp`, spoken to with the official SDK's client: tools, calls, refusals, and who may not come in."""

import base64
import json

import httpx2
import pytest
from asgiref.sync import async_to_sync
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from accounts.common.environments import Environment
from accounts.policy import Scope
from config.asgi import application
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.asgi import call_asgi, served
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

D, S, P = Environment
PARAMETERS = {"type": "object", "properties": {"id": {"type": "string", "maxLength": 5}}, "required": ["id"]}
ERAS = ["2026-07-28", "legacy"]


def speak(key, exchange, *, era="2026-07-28"):
    """What an exchange with `/mcp` gives: an asynchronous function of the SDK's client."""

    async def held():
        transport = httpx2.ASGITransport(app=application)
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            served(application),
            httpx2.AsyncClient(transport=transport, headers=headers, base_url="http://localhost") as client,
            Client(streamable_http_client("http://localhost/mcp", http_client=client), mode=era) as session,
        ):
            return await exchange(session)

    return async_to_sync(held)()


@pytest.fixture
def key(owner):
    return key_for(owner, Scope.RUN, environments=[S])


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_lists_its_tools_and_calls_one(owner, key, era):
    store_secret(owner)
    received = []

    def answer(request, connection):
        received.append(request)
        connection.sendall(http(f'{{"found": "Ada", "key": "{VALUE}"}}'.encode()))

    async def exchange(session):
        listed = await session.list_tools()
        called = await session.call_tool("look_up_patient", {"id": "7"})
        return listed.tools, called

    with answering(answer) as base_url:
        make_action(owner, "Look up patient", base_url=base_url, path="/{params.id}", parameters=PARAMETERS)
        (tool,), called = speak(key, exchange, era=era)
    assert (tool.name, tool.title) == ("look_up_patient", "Look up patient")
    assert tool.input_schema["properties"] == PARAMETERS["properties"]
    told = json.loads(called.content[0].text)
    assert not called.is_error
    assert told["body"] == {"found": "Ada", "key": "[redacted]"}
    assert told["masked"] == ["crm.apiKey"]
    run = Run.objects.get()
    assert (str(run.id), run.outcome, run.environment, run.caller) == (
        told["run_id"],
        "succeeded",
        "staging",
        "API key agent",
    )
    assert VALUE.encode() in received[0]


def call(name, arguments=None):
    async def exchange(session):
        return await session.call_tool(name, arguments or {})

    return exchange


def test_a_refused_call_says_why_and_is_on_record(owner, key):
    make_action(owner, "Look up", parameters=PARAMETERS, path="/{params.id}")
    called = speak(key, call("look_up", {"id": "much too long"}))
    assert called.is_error
    assert called.content[0].text.startswith("invalid_arguments: ")
    assert "params.id: " in called.content[0].text
    run = Run.objects.get()
    assert f"run_id: {run.id}" in called.content[0].text
    assert run.error_code == "invalid_arguments"


def test_an_error_of_the_upstream_is_an_error_of_the_tool(owner, key):
    store_secret(owner)
    with answering(lambda _, connection: connection.sendall(http(b"no", status="401 Unauthorized"))) as base_url:
        make_action(owner, "Look up", base_url=base_url)
        called = speak(key, call("look_up"))
    assert called.is_error
    assert json.loads(called.content[0].text)["status"] == 401


def test_h07_sounds_and_images_are_content_of_their_own(owner, key):
    store_secret(owner)
    for media in ("audio/mpeg", "image/png"):
        answer = http(b"\xff\xfb\x90", headers=(f"Content-Type: {media}",))
        with answering(lambda _, connection, answer=answer: connection.sendall(answer)) as base_url:
            make_action(owner, f"Make {media[:5]}", base_url=base_url)
            told, shown = speak(key, call(f"make_{media[:5]}")).content
        body = json.loads(told.text)
        assert (body["body"], body["body_type"], body["media_type"]) == (None, "base64", media)
        assert (shown.type, shown.data, shown.mime_type) == (media[:5], "//uQ", media)


def test_h08_speech_of_2_4_mb_reaches_the_agent_byte_for_byte(owner, key):
    store_secret(owner)
    speech = bytes(range(251)) * 9562
    answer = http(speech, headers=("Content-Type: audio/mpeg",))
    with answering(lambda _, connection: connection.sendall(answer)) as base_url:
        make_action(owner, "Speak", base_url=base_url, max_response_bytes=3_000_000, timeout_seconds=60)
        called = speak(key, call("speak"))
    assert (called.is_error, called.content[1].type) == (False, "audio")
    assert base64.b64decode(called.content[1].data) == speech


def test_h05_an_agent_is_told_that_a_call_worked_whose_body_is_missing(owner, key):
    store_secret(owner)
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\nshort"
    with answering(lambda _, connection: connection.sendall(answer)) as base_url:
        for method in ("POST", "GET"):
            make_action(owner, f"Do {method}", base_url=base_url, method=method)
        done, read = speak(key, call("do_post")), speak(key, call("do_get"))
    told = json.loads(done.content[0].text)
    assert (done.is_error, told["status"], told["body"]) == (False, 201, None)
    assert told["withheld"]["code"] == "response_unreadable"
    assert (read.is_error, "The status was 201." in read.content[0].text) == (True, True)


def test_h12_agents_get_numbers_as_sent(owner, key):
    store_secret(owner)
    answer = http('{"price": 18.00, "ü": 1E400}'.encode())
    with answering(lambda _, connection: connection.sendall(answer)) as base_url:
        make_action(owner, "Look up", base_url=base_url)
        assert '"body": {"price": 18.00, "ü": 1E400}' in speak(key, call("look_up")).content[0].text


def test_an_unknown_tool_is_told_and_leaves_no_run(owner, key):
    called = speak(key, call("nothing_of_the_kind"))
    assert (called.is_error, called.content[0].text) == (True, "There is no such tool. List the tools again.")
    assert not Run.objects.exists()


@pytest.fixture
def faulty(monkeypatch):
    """A function that makes the broker, or the list of tools, fail with a value in the exception's text."""

    def make(name):
        def broken(*_):
            raise RuntimeError(VALUE)

        monkeypatch.setattr(name, broken)

    return make


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["config.api.agent_server.broker.run", "config.api.agent_server.find_tool"])
def test_a_fault_of_ours_shows_no_value(owner, key, faulty, caplog, era, name):
    make_action(owner, "Look up", parameters=PARAMETERS, path="/{params.id}")
    faulty(name)
    called = speak(key, call("look_up", {"id": "7"}), era=era)
    assert called.is_error
    assert [part.text for part in called.content] == ["internal_error: Server got itself in trouble"]
    assert "RuntimeError while answering an agent" in caplog.text
    assert "in broken" in caplog.text
    assert VALUE not in caplog.text


def error_of_listing(key, era, **options):
    async def exchange(session):
        with pytest.raises(MCPError) as told:
            await session.list_tools(**options)
        return told.value.error

    return speak(key, exchange, era=era)


@pytest.mark.parametrize("era", ERAS)
def test_a_fault_of_ours_in_a_list_shows_no_value(owner, key, faulty, caplog, era):
    faulty("config.api.agent_server.page_of_tools")
    error = error_of_listing(key, era)
    assert (error.code, error.message, error.data) == (INTERNAL_ERROR, "Server got itself in trouble", None)
    assert "RuntimeError while answering an agent" in caplog.text
    assert VALUE not in caplog.text


@pytest.mark.parametrize("era", ERAS)
def test_a_cursor_of_another_list_is_told(key, era):
    error = error_of_listing(key, era, cursor="nonsense")
    assert (error.code, error.message) == (INVALID_PARAMS, "The cursor does not belong to this list.")


def test_a_key_that_lists_integrations_has_their_tools_alone(owner):
    listed, _ = make_action(owner, "Listed"), make_action(owner, "Not listed")
    key = key_for(owner, Scope.RUN, environments=[S], integrations=[listed.id])

    async def exchange(session):
        return [tool.name for tool in (await session.list_tools()).tools], await session.call_tool("not_listed", {})

    found, called = speak(key, exchange)
    assert found == ["listed"]
    assert called.is_error


def test_long_lists_come_in_pages(owner, key, monkeypatch):
    monkeypatch.setattr("config.api.agent_server.LARGEST_LIMIT", 2)
    for number in range(5):
        make_action(owner, f"Action {number}")

    async def exchange(session):
        found, page = [], await session.list_tools()
        while True:
            found.append([tool.name for tool in page.tools])
            if not page.next_cursor:
                return found
            page = await session.list_tools(cursor=page.next_cursor)

    assert speak(key, exchange) == [["action_0", "action_1"], ["action_2", "action_3"], ["action_4"]]


# who may not

MESSAGE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
ACCEPT = (b"accept", b"application/json, text/event-stream")


def status_and_code(method, headers=(), body=MESSAGE, **options):
    async def asked():
        async with served(application):
            return await call_asgi(application, method, "/mcp", body, [ACCEPT, *headers], **options)

    status, found, answer = async_to_sync(asked)()
    return status, json.loads(answer).get("code") if answer else None, dict(found)


def bearer(key):
    return (b"authorization", f"Bearer {key}".encode())


def test_without_a_key_nobody_comes_in():
    status, code, headers = status_and_code("POST")
    assert (status, code, headers[b"www-authenticate"]) == (401, "unauthenticated", b"Bearer")


def test_an_unknown_key_is_refused(key):
    assert status_and_code("POST", [bearer(key[:-7] + "!" * 7)])[:2] == (401, "unauthenticated")


@pytest.mark.parametrize(("scope", "environments"), [(Scope.RUN, [S, P]), (Scope.INTEGRATIONS_READ, [S])])
def test_a_key_of_several_environments_or_without_the_scope_is_refused(owner, scope, environments):
    key = key_for(owner, scope, environments=environments)
    assert status_and_code("POST", [bearer(key)])[:2] == (403, "permission_denied")


def test_pages_of_other_sites_are_refused(key):
    assert status_and_code("POST", [bearer(key), (b"origin", b"https://evil.example")])[:2] == (
        403,
        "permission_denied",
    )


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_are_no_streams_and_no_sessions(key, method):
    status, code, headers = status_and_code(method, [bearer(key)])
    assert (status, code, headers[b"allow"]) == (405, "method_not_allowed", b"POST")


def test_a_foreign_host_name_is_refused(key):
    assert status_and_code("POST", [bearer(key)], host=b"evil.example")[0] == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[[[[[[", b'{"jsonrpc": "2.0"}', b"\xff"])
def test_what_is_no_message_is_refused(key, body):
    status, code, headers = status_and_code("POST", [bearer(key)], body)
    assert (status, code) == (400, "bad_request")
    assert headers[b"cache-control"] == b"no-store"


@pytest.mark.parametrize("version", [b"2026-07-28", b"2025-06-18"])
def test_an_agent_that_reads_no_json_is_refused(key, version):
    async def asked():
        async with served(application):
            headers = [(b"accept", b"text/html"), (b"mcp-protocol-version", version), bearer(key)]
            return await call_asgi(application, "POST", "/mcp", MESSAGE, headers)

    status, _, answer = async_to_sync(asked)()
    assert (status, json.loads(answer)["code"]) == (406, "not_acceptable")


def test_a_revoked_key_ends_at_the_next_message(owner, key):
    from accounts.access.api_keys import revoke_api_key
    from accounts.models import ApiKey

    assert status_and_code("POST", [bearer(key)])[0] == 200
    revoke_api_key(actor=owner, key_id=ApiKey.objects.get().id)
    assert status_and_code("POST", [bearer(key)])[0] == 401
