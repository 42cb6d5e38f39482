"""Masking a large answer takes its time; other runs go on meanwhile."""

import asyncio
import threading
from types import SimpleNamespace
from uuid import uuid4

import pytest

from integrations.broker import broker
from integrations.broker.channel import RunChannel
from integrations.egress import configuration
from integrations.exchange.exchange import HttpCall
from integrations.exchange.messages import UpstreamResponse
from integrations.transport import client
from tests.support.integrations.requests import make

INLINE = 64 * 1024


@pytest.fixture
def answers_with(monkeypatch):
    """Let every call be answered with a body of this many bytes."""

    def answers(size):
        async def send(*_, **__):
            return UpstreamResponse(200, b"OK", (), b"a" * size, True)

        monkeypatch.setattr(client, "send", send)
        monkeypatch.setattr(configuration, "policy", lambda: None)
        monkeypatch.setattr(configuration, "ssl_context", lambda: None)

    return answers


def admitted():
    return SimpleNamespace(exchange=HttpCall(make()), secrets={}, params={})


async def test_another_run_goes_on_while_a_large_answer_is_masked(monkeypatch, answers_with):
    other_went_on = threading.Event()

    async def another_run():
        other_went_on.set()

    monkeypatch.setattr(broker, "mask_response", lambda *_: other_went_on.wait(timeout=5))
    answers_with(INLINE + 1)
    masked, _ = await asyncio.gather(broker._send(admitted(), RunChannel(uuid4(), uuid4(), {}, {})), another_run())
    assert masked is True


@pytest.mark.parametrize(("size", "inline"), [(0, True), (INLINE, True), (INLINE + 1, False)])
async def test_only_a_large_answer_leaves_the_thread(size, inline, monkeypatch, answers_with):
    monkeypatch.setattr(broker, "mask_response", lambda *_: threading.current_thread())
    answers_with(size)
    assert (
        await broker._send(admitted(), RunChannel(uuid4(), uuid4(), {}, {})) is threading.current_thread()
    ) is inline
