"""Agents at `/mcp`, spoken to with the official SDK's client: tools, calls, refusals, and who may not come in."""

import base64
import json

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.agents import ERAS, call, speak
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

D, S, P = Environment
PARAMETERS = {"type": "object", "properties": {"id": {"type": "string", "maxLength": 5}}, "required": ["id"]}


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


@pytest.mark.parametrize("era", ERAS)
def test_an_unknown_tool_is_an_error_of_the_protocol_and_leaves_no_run(key, era):
    async def exchange(session):
        with pytest.raises(MCPError) as told:
            await session.call_tool("nothing_of_the_kind", {})
        return told.value.error

    error = speak(key, exchange, era=era)
    assert (error.code, error.data) == (INVALID_PARAMS, {"code": "not_found"})
    assert error.message == "There is no such tool. List the tools again."
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
def test_a_fault_of_ours_shows_no_value(owner, key, faulty, caplog, era):
    make_action(owner, "Look up", parameters=PARAMETERS, path="/{params.id}")
    faulty("config.api.agent_server.broker.run")
    called = speak(key, call("look_up", {"id": "7"}), era=era)
    assert called.is_error
    assert called.structured_content == {"code": "internal_error"}
    assert "internal_error: Server got itself in trouble" in called.content[0].text
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
    faulty("integrations.tools.tool_pages.page_of_tools")
    error = error_of_listing(key, era)
    assert (error.code, error.message) == (INTERNAL_ERROR, "Server got itself in trouble")
    assert error.data == {"code": "internal_error"}
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
        with pytest.raises(MCPError, match="no such tool"):
            await session.call_tool("not_listed", {})
        return [tool.name for tool in (await session.list_tools()).tools]

    assert speak(key, exchange) == ["listed"]


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
