"""Answers larger than others, such as minutes of speech: H08, the limit that an action sets, and room in memory."""

import asyncio
import base64
import gzip
import random
from uuid import UUID

import pytest

from config.http.bodies import WholeBodies
from integrations.broker import large_answers
from integrations.broker.large_answers import MOST_LARGE, MOST_LARGE_OF_ONE, Room, make_room
from integrations.models import Integration
from tests.peers.upstreams import answering, http
from tests.support.things import VALUE, make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

SPEECH = random.Random(8).randbytes(2_400_000)
"""What 2,000 characters of speech take."""
FIVE = 5 * 1024 * 1024


@pytest.fixture
def run(owner, caller):
    """Runs a text-to-speech action through the API against this answer: its response."""
    store_secret(owner)

    def against(answer, **config):
        with answering(lambda _, connection: connection.sendall(answer)) as url:
            key = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}]
            parts = {"uses": "", "base_url": url, "headers": key, "timeout_seconds": 60}
            action = make_action(owner, name=f"Speak {Integration.objects.count()}", **{**parts, **config})
            return caller.call("POST", f"/integrations/{action.id}/run", {"environment": "staging"})

    return against


def speech(body, *headers):
    return http(body, headers=("Content-Type: audio/mpeg", *headers))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_h08_speech_of_2_4_mb_arrives_byte_for_byte(method, run):
    result = run(speech(SPEECH), max_response_bytes=FIVE, method=method).json()
    assert (result["outcome"], result["body_type"], result["media_type"]) == ("succeeded", "base64", "audio/mpeg")
    assert base64.b64decode(result["body"]) == SPEECH


def test_h08_compressed_speech_counts_as_it_is_heard(run):
    quiet = SPEECH[:900_000] * 3
    packed = gzip.compress(quiet, 1)
    result = run(speech(packed, "Content-Encoding: gzip"), max_response_bytes=FIVE).json()
    assert base64.b64decode(result["body"]) == quiet
    problem = run(speech(packed, "Content-Encoding: gzip"), max_response_bytes=2_000_000).json()
    assert (problem["code"], "2000000 bytes" in problem["detail"]) == ("response_too_large", True)


def test_h08_the_limit_is_exact_in_both_directions(run):
    for limit, size, status in ((1024, 1024, 200), (1024, 1025, 502), (1_500_000, 1_500_000, 200)):
        response = run(speech(SPEECH[:size]), max_response_bytes=limit)
        assert response.status_code == status, (limit, size)
    detail = run(speech(SPEECH)).json()["detail"]
    assert "1048576 bytes" in detail
    assert "max_response_bytes, up to 33554432" in detail


@pytest.mark.parametrize(("limit", "sentence"), [(1023, "1024 or more"), (33_554_433, "33554432 or less")])
def test_h08_a_limit_out_of_bounds_is_refused_in_whole_numbers(limit, sentence, caller):
    config = {"method": "GET", "base_url": "https://api.example.com", "max_response_bytes": limit}
    body = {"kind": "api_action", "name": "Speak", "environments": ["staging"], "config": config}
    (error,) = caller.call("POST", "/integrations", body).json()["errors"]
    assert (error["field"], sentence in error["message"]) == ("config.max_response_bytes", True)


def test_h08_a_value_in_a_large_text_is_cut_out(run):
    text = b"hello world " * 400_000
    result = run(http(text + VALUE.encode() + text), max_response_bytes=2 * FIVE).json()
    assert (result["body_type"], result["masked"]) == ("text", ["crm.apiKey"])
    assert result["body"] == f"{text.decode()}[redacted]{text.decode()}"


async def test_no_organization_takes_all_the_room():
    room, mine, other = Room(), UUID(int=1), UUID(int=2)
    leaves = [await room.enter(mine) for _ in range(MOST_LARGE_OF_ONE)]
    third = asyncio.ensure_future(room.enter(mine))
    await asyncio.sleep(0)
    assert not third.done()
    others = [await asyncio.wait_for(room.enter(other), 1) for _ in range(MOST_LARGE - MOST_LARGE_OF_ONE)]
    last = asyncio.ensure_future(room.enter(UUID(int=3)))
    await asyncio.sleep(0)
    assert not last.done()
    others[0]()
    (await asyncio.wait_for(last, 1))()
    leaves[0]()
    await asyncio.wait_for(third, 1)


async def test_who_gives_up_waiting_leaves_no_trace():
    room, mine = Room(), UUID(int=1)
    leaves = [await room.enter(mine) for _ in range(MOST_LARGE_OF_ONE)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(room.enter(mine), 0.01)
    leaves[0]()
    await asyncio.wait_for(room.enter(mine), 1)


async def test_room_is_given_back_when_the_caller_has_the_answer(monkeypatch):
    monkeypatch.setattr(large_answers, "MOST_LARGE_OF_ONE", 1)
    entered, sent = [], asyncio.Event()

    async def application(scope, receive, send):
        await asyncio.create_task(make_room(UUID(int=1)))  # as runs of agents are made in tasks of their own
        await make_room(UUID(int=1))  # another hop of the same run
        entered.append(scope["path"])
        await sent.wait()

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    served = WholeBodies(application)
    calls = [
        asyncio.ensure_future(served({"type": "http", "path": path, "headers": []}, receive, None)) for path in "ab"
    ]
    for _ in range(20):
        await asyncio.sleep(0)
    assert entered == ["a"]
    sent.set()
    await asyncio.wait_for(asyncio.gather(*calls), 1)
    assert entered == ["a", "b"]


async def test_outside_of_requests_nothing_waits():
    for _ in range(MOST_LARGE + 1):
        await asyncio.wait_for(make_room(UUID(int=1)), 1)
