"""Runs whose answer flows, as events: what works, what is refused before the head, and what breaks off behind it."""

import asyncio
import json
import threading
import time

import aiohttp
import pytest
from asgiref.sync import async_to_sync

from config.api.flowing import Pieces
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.events import read_events, stream_run, whole_text
from tests.support.api.listening import listening
from tests.support.integrations.echoes import TOKEN, WRITTEN
from tests.support.integrations.streams import CLEAN
from tests.support.things import key_for, make_action, make_mcp_server, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

CHAT = "".join(f'data: {{"delta": {{"content": "{word} "}}}}\n\n' for word in CLEAN.split())


def responding(body: str | bytes, *headers: str, status: str = "200 OK"):
    answer = http(body if isinstance(body, bytes) else body.encode(), status=status, headers=headers)
    return lambda _, connection: connection.sendall(answer)


@pytest.fixture
def streamed(owner):
    """A function that streams a run of an action whose upstream answers with something."""
    store_secret(owner, value=TOKEN)
    key, made = key_for(owner), []

    def stream(respond, *, asked=None, **config):
        with answering(respond) as base_url:
            made.append(make_action(owner, f"Action {len(made)}", base_url=base_url, **config))
            return stream_run(made[-1], key, **(asked or {}))

    return stream


def test_an_answer_comes_as_events_and_is_on_record(streamed):
    status, headers, events = streamed(responding(CHAT, "Content-Type: text/event-stream", f"X-Echo: {TOKEN}"))
    assert (status, headers[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    assert (headers[b"cache-control"], headers[b"x-accel-buffering"]) == (b"no-store", b"no")
    run = Run.objects.get()
    (first, answer), (last, end) = events[0], events[-1]
    assert (first, answer["run_id"], answer["status"]) == ("answer", str(run.pk), 200)
    assert (answer["media_type"], {"name": "X-Echo", "value": "[redacted]"} in answer["headers"]) == (
        "text/event-stream",
        True,
    )
    assert whole_text(events) == CHAT
    assert (last, end["outcome"], end["masked"]) == ("end", "succeeded", ["crm.apiKey"])
    assert 0 <= end["duration_ms"] <= run.duration_ms + 1_000
    assert (run.outcome, run.status, run.answer_bytes) == ("succeeded", 200, len(CHAT))


def test_a_value_is_cut_out_and_the_answer_goes_on(streamed):
    _, _, events = streamed(responding(f"{CLEAN}{TOKEN}{CLEAN}", "Content-Type: text/plain"))
    assert whole_text(events) == f"{CLEAN}[redacted]{CLEAN}"
    assert events[-1][1]["masked"] == ["crm.apiKey"]


def test_an_upstream_that_refuses_is_an_answer(streamed):
    _, _, events = streamed(responding('{"error": "no"}', "Content-Type: application/json", status="429 Slow down"))
    assert (events[0][1]["status"], whole_text(events)) == (429, '{"error": "no"}')
    assert events[-1][1]["outcome"] == Run.objects.get().outcome == "upstream_error"


def test_bytes_that_are_no_text_come_in_base64():
    def shown(media_type, *pieces):
        found = Pieces(media_type)
        return [one for piece in pieces for one in found.of(piece)] + list(found.end())

    assert shown("audio/mpeg", b"text") == [{"base64": "dGV4dA=="}]
    assert shown("text/plain", b"a\xc3", b"\xa9b") == [{"text": "a"}, {"text": "éb"}]
    assert shown(None, b"a\xc3", b"z", b"b") == [{"text": "a"}, {"base64": "w3o="}, {"base64": "Yg=="}]
    assert shown("text/plain", b"a\xe2\x82") == [{"text": "a"}, {"base64": "4oI="}]
    assert shown("text/plain") == []


def test_events_arrive_while_the_upstream_still_writes(owner):
    store_secret(owner, value=TOKEN)
    goes_on = threading.Event()

    def slowly(_, connection):
        event = b"data: one\n\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + event)
        assert goes_on.wait(30)
        connection.sendall(b"data: two\n\n")

    async def story(action, key):
        async with listening() as address, aiohttp.ClientSession() as session:
            run = f"{address}/api/v1/integrations/{action.id}/run"
            asked = {"json": {"environment": "staging", "stream": True}, "headers": {"Authorization": f"Bearer {key}"}}
            async with session.post(run, **asked) as answer:
                seen = b""
                while b"data: one" not in seen:
                    seen += await answer.content.readany()
                goes_on.set()
                return read_events(seen + await answer.content.read())

    with answering(slowly) as base_url:
        events = async_to_sync(story)(make_action(owner, base_url=base_url), key_for(owner))
    assert (whole_text(events), events[-1][0]) == ("data: one\n\ndata: two\n\n", "end")


def test_a_caller_who_leaves_ends_the_call(owner):
    store_secret(owner, value=TOKEN)
    has_ended = threading.Event()

    def endless(_, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        try:
            while True:
                connection.sendall(b"data: more\n\n" * 100)
                time.sleep(0.005)
        except OSError:
            has_ended.set()

    async def story(action, key):
        async with listening() as address, aiohttp.ClientSession() as session:
            run = f"{address}/api/v1/integrations/{action.id}/run"
            asked = {"json": {"environment": "staging", "stream": True}, "headers": {"Authorization": f"Bearer {key}"}}
            async with session.post(run, **asked) as answer:
                await answer.content.readany()
            assert await asyncio.to_thread(has_ended.wait, 30)

    with answering(endless) as base_url:
        async_to_sync(story)(make_action(owner, base_url=base_url), key_for(owner))
    run = Run.objects.get()
    assert (run.outcome, run.error_code) == ("failed", "cancelled")


REFUSED = {
    "unknown argument": ({"asked": {"params": {"x": 1}}}, 422, "invalid_arguments"),
    "unknown operation": ({"asked": {"operation": "x"}}, 422, "invalid_arguments"),
    "another environment": ({"asked": {"environment": "production"}}, 409, "environment_not_enabled"),
    "no boolean": ({"asked": {"stream": "yes"}}, 422, "invalid"),
    "chosen fields": ({"returns": {"type": "fields", "expression": "a"}}, 422, "stream_not_possible"),
    "status alone": ({"returns": {"type": "status"}}, 422, "stream_not_possible"),
    "asked for once": ({"asked": {"headers": [(b"idempotency-key", b"a" * 20)]}}, 422, "stream_not_possible"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_before_the_answer_is_a_problem_as_always(streamed, case):
    given, status, code = REFUSED[case]
    found, headers, problem = streamed(responding("{}"), **given)
    assert (found, problem["code"], headers[b"content-type"]) == (status, code, b"application/problem+json")


def test_upstreams_that_do_not_answer_and_heads_that_hold_a_value_are_problems(streamed):
    hidden = f"X-Echo: {WRITTEN['base64'](TOKEN)}"
    status, _, problem = streamed(responding("{}", hidden))
    assert (status, problem["code"], problem["withheld"]["code"]) == (502, "answer_withheld", "value_found")
    status, _, problem = streamed(lambda _, connection: connection.close())
    assert (status, problem["code"]) == (502, "upstream_unreachable")
    assert TOKEN not in json.dumps(problem)


def test_operations_that_are_no_single_request_do_not_stream(owner):
    status, _, problem = stream_run(make_mcp_server(owner), key_for(owner), operation="list_tools")
    assert (status, problem["code"]) == (422, "stream_not_possible")


def test_a_short_value_withholds_the_answer_and_nothing_is_sent(owner):
    store_secret(owner, value="1234", allow_short=True)
    asked = []
    with answering(lambda request, connection: asked.append(request)) as base_url:
        status, _, problem = stream_run(make_action(owner, base_url=base_url), key_for(owner))
    assert (status, problem["code"], problem["withheld"]["code"], asked) == (502, "answer_withheld", "short_value", [])


def test_what_breaks_off_behind_the_head_is_an_event_and_on_record(streamed):
    encoded = f"{CLEAN}{WRITTEN['base64'](TOKEN)}{CLEAN}"
    cut_off = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9000\r\n\r\n" + CLEAN.encode()
    cases = {
        "answer_withheld": responding(encoded, "Content-Type: text/plain"),
        "response_unreadable": lambda _, connection: connection.sendall(cut_off),
    }
    for code, respond in cases.items():
        status, _, events = streamed(respond)
        run = Run.objects.order_by("-started_at").first()
        assert (status, events[0][0], events[-1][0]) == (200, "answer", "error"), code
        assert (events[-1][1]["code"], events[-1][1]["run_id"]) == (code, str(run.pk))
        assert CLEAN.startswith(whole_text(events))
        assert (run.outcome, run.error_code) == ("failed", code)
