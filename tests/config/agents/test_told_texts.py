"""What an agent is told of an answer while it arrives: text, masked and bounded, and the result as without it."""

import threading

import httpx2
import pytest
from asgiref.sync import async_to_sync
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from accounts.common.environments import Environment
from accounts.policy import Scope
from config.agents.progress import LONGEST_MESSAGE, MOST_TEXT
from tests.peers.upstreams import answering, http
from tests.support.api.agents import ERAS
from tests.support.api.listening import listening
from tests.support.integrations.echoes import TOKEN, WRITTEN
from tests.support.integrations.streams import CLEAN, SERVICES
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

EVENTS = "Content-Type: text/event-stream"


async def speak_over_a_socket(key, exchange, era):
    async with (
        listening(key) as address,
        httpx2.AsyncClient() as client,
        Client(streamable_http_client(f"{address}/mcp", http_client=client), mode=era) as session,
    ):
        return await exchange(session)


@pytest.fixture
def called(owner):
    """A function that calls a tool whose upstream answers so; the messages of progress, and the result."""
    store_secret(owner, value=TOKEN)
    key, told = key_for(owner, Scope.RUN, environments=[Environment.STAGING]), []

    def call(respond, *, era=ERAS[0], on_told=lambda message: None, **config):
        told.clear()

        async def on_progress(progress, total, message):
            told.append((progress, message))
            on_told(message)

        async def exchange(session):
            return await session.call_tool("ask", {}, progress_callback=on_progress)

        with answering(respond) as base_url:
            made = make_action(owner, "Ask", base_url=base_url, **config)
            result = async_to_sync(speak_over_a_socket)(key, exchange, era)
            made.delete()
        assert [at for at, _ in told] == sorted({at for at, _ in told}), "each tells of more than the one before"
        return "".join(message for _, message in told if "seconds so far" not in message), result

    return call


def responding(body: str, *headers: str, status: str = "200 OK"):
    return lambda _, connection: connection.sendall(http(body.encode(), status=status, headers=headers))


def in_two(media_type: str, first: str, second: str, goes_on: threading.Event):
    """The second part of an answer comes once the agent was told of the first; it may be too late to be told of."""

    def respond(_, connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\n{media_type}\r\nConnection: close\r\n\r\n{first}".encode())
        assert goes_on.wait(30)
        connection.sendall(second.encode())

    return respond


@pytest.mark.parametrize("era", ERAS)
def test_text_is_told_before_the_answer_is_whole(called, era):
    goes_on = threading.Event()
    slowly = in_two(EVENTS, "data: one\n\n", "data: two\n\n", goes_on)
    text, result = called(slowly, era=era, on_told=lambda message: "one" in message and goes_on.set())
    assert text.startswith("data: one\n\n")
    assert result.structured_content["body"] == "data: one\n\ndata: two\n\n"


def test_a_value_is_masked_in_what_is_told_and_pieces_of_one_are_not_told(called):
    goes_on = threading.Event()
    slowly = in_two("Content-Type: text/plain", f"{CLEAN}{TOKEN}{CLEAN}", CLEAN, goes_on)
    text, result = called(slowly, on_told=lambda message: "[redacted]" in message and goes_on.set())
    assert f"{CLEAN}[redacted]{CLEAN}{CLEAN}".startswith(text)
    assert result.structured_content["body"] == f"{CLEAN}[redacted]{CLEAN}{CLEAN}"
    pieces = "".join(SERVICES["chat"].write(TOKEN[at : at + 3]) for at in range(0, len(TOKEN), 3))
    text, _ = called(responding(pieces, EVENTS))
    assert text == ""
    text, result = called(responding(f"{CLEAN}{WRITTEN['base64'](TOKEN)}{CLEAN}", "Content-Type: text/plain"))
    assert CLEAN.startswith(text)
    assert result.structured_content["withheld"]["code"] == "value_found"


def test_what_is_told_is_bounded(called):
    long = "data: " + "word " * 40_000 + "\n\n"
    text, result = called(responding(long, EVENTS))
    assert text == long[:MOST_TEXT]
    assert LONGEST_MESSAGE < len(text) < len(long)
    assert result.structured_content["body"].startswith("data: word")


def test_other_answers_are_not_told(called):
    cases = (
        (responding('{"a": 1}', "Content-Type: application/json"), {}),
        (responding("slow down", "Content-Type: text/plain", status="429 Slow down"), {}),
        (responding('data: {"a": 1}\n\n', EVENTS), {"returns": {"type": "status"}}),
    )
    for respond, config in cases:
        assert called(respond, **config)[0] == ""
