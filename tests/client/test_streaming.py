"""Answers that are taken while they arrive: the library and `coffer run --stream` against a server."""

import asyncio
import json

import coffer
import pytest
from asgiref.sync import async_to_sync
from coffer.commands.main import app
from typer.testing import CliRunner

from tests.peers.upstreams import answering, http
from tests.support.api.listening import listening
from tests.support.integrations.echoes import TOKEN, WRITTEN
from tests.support.integrations.streams import CLEAN
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

ACTION = "Ask the model"
TEXT = f"{CLEAN}\u2028Grüße, {TOKEN}\x85!"
MASKED = TEXT.replace(TOKEN, "[redacted]")


@pytest.fixture
def served(owner):
    """A function that lets something happen at an address of Coffer, with a key and an upstream's answer."""
    store_secret(owner, value=TOKEN)
    key = key_for(owner)

    def let(act, body: bytes, *headers: str, status: str = "200 OK", at_once: bool = False):
        async def story():
            async with listening() as address:
                return await (act(address, key) if at_once else asyncio.to_thread(act, address, key))

        answer = http(body, status=status, headers=headers)
        with answering(lambda _, connection: connection.sendall(answer)) as base_url:
            make_action(owner, ACTION, base_url=base_url)
            return async_to_sync(story)()

    return let


def test_an_answer_is_taken_piece_by_piece(served):
    def act(address, key):
        with coffer.Client(address, key) as client:
            with client.runs.stream(ACTION, "staging") as answer:
                assert answer.end is None
                pieces = list(answer)
            record = client.runs.get(answer.head["run_id"])
            return answer, pieces, record

    answer, pieces, record = served(act, TEXT.encode(), "Content-Type: text/plain; charset=utf-8")
    assert "".join(pieces) == MASKED
    assert (answer.head["status"], answer.head["media_type"]) == (200, "text/plain")
    assert (answer.end["outcome"], answer.end["masked"], record["outcome"]) == (
        "succeeded",
        ["crm.apiKey"],
        "succeeded",
    )


def test_the_asynchronous_client_does_the_same_with_bytes(served):
    async def act(address, key):
        async with coffer.AsyncClient(address, key) as client, client.runs.stream(ACTION, "staging") as answer:
            return [piece async for piece in answer], answer.end

    sound = bytes(range(256)) * 4
    pieces, end = served(act, sound, "Content-Type: audio/mpeg", at_once=True)
    assert (b"".join(pieces), end["outcome"]) == (sound, "succeeded")


def test_what_breaks_off_and_what_is_refused_are_errors_with_their_codes(served):
    def act(address, key):
        with coffer.Client(address, key) as client:
            with pytest.raises(coffer.Unavailable) as broken, client.runs.stream(ACTION, "staging") as answer:
                list(answer)
            assert (broken.value.code, broken.value.run_id) == ("answer_withheld", answer.head["run_id"])
            with pytest.raises(coffer.Invalid) as refused, client.runs.stream(ACTION, "staging", {"x": 1}):
                pass
            assert refused.value.code == "invalid_arguments"
            with pytest.raises(coffer.NotFound), client.runs.stream("nobody", "staging"):
                pass

    served(act, f"{CLEAN}{WRITTEN['base64'](TOKEN)}{CLEAN}".encode(), "Content-Type: text/plain")


def test_an_answer_that_is_cut_off_is_an_error():
    import httpx2

    def answer(content):
        headers = {"Content-Type": "text/event-stream"}
        return httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=content))

    head = b'event: answer\ndata: {"run_id": "x", "status": 200, "headers": [], "media_type": null}\n\n'
    integration = "0b8e33d5-8ac5-4d6a-8d29-8b3e9c5b7a11"
    for content in (head, head + b'event: piece\ndata: {"text": "a"}\n\nevent: end\ndata: {}', b"", b": nothing\n\n"):
        client = coffer.Client("http://localhost", "cof_x", transport=answer(content))
        with client, pytest.raises(coffer.Unreachable), client.runs.stream(integration, "staging") as streamed:
            list(streamed)


def test_the_command_prints_pieces_or_events(served, monkeypatch, tmp_path):
    def act(address, key):
        for name, value in {"HOME": str(tmp_path), "COFFER_URL": address, "COFFER_API_KEY": key}.items():
            monkeypatch.setenv(name, value)
        words = ["run", ACTION, "-e", "staging", "--stream"]
        return [CliRunner().invoke(app, [*words, *more]) for more in ([], ["--json"])]

    plain, lines = served(act, TEXT.encode(), "Content-Type: text/plain", status="500 Broken")
    assert (plain.stdout, plain.exit_code) == (MASKED, 1)
    assert "upstream_error, status 500" in plain.stderr
    events = [json.loads(line) for line in lines.stdout.split("\n") if line]
    assert (events[0]["event"], events[0]["status"], events[-1]["outcome"]) == ("answer", 500, "upstream_error")
    assert "".join(event.get("text", "") for event in events) == MASKED
