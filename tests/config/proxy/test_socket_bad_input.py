"""Handshakes and frames of callers that break the protocol, with raw sockets: refused or closed, and nobody is hurt."""

import asyncio
import logging
import struct

import pytest

from integrations.models import Run
from tests.peers.models.server import models
from tests.peers.raw_websockets import BINARY, CLOSE, PING, TEXT, frame
from tests.support.api.sockets import play, voice

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

CONTINUED, UNKNOWN = 0, 3


def masked(sent: bytes) -> bytes:
    """A frame of a client: with a mask that leaves the payload as it is."""
    size = {126: 4, 127: 10}.get(sent[1], 2)
    return sent[:1] + bytes([sent[1] | 0x80]) + sent[2:size] + bytes(4) + sent[size:]


BREACHES = {
    "an unmasked frame": (frame(TEXT, b"a"), 1002),
    "an unknown opcode": (masked(frame(UNKNOWN, b"a")), 1002),
    "a reserved bit": (masked(frame(TEXT, b"a", reserved=2)), 1002),
    "a continuation of nothing": (masked(frame(CONTINUED, b"a")), 1002),
    "a message inside a message": (masked(frame(TEXT, b"a", final=False)) + masked(frame(TEXT, b"b")), 1002),
    "a ping in pieces": (masked(frame(PING, b"a", final=False)), 1002),
    "a large ping": (masked(frame(PING, bytes(126))), 1002),
    "text that is none": (masked(frame(TEXT, b"\xff\xfe")), 1007),
    "a message without an end": (masked(frame(BINARY, b"", claimed=2**62)), 1009),
    "a close code that is none": (masked(frame(CLOSE, b"\x03\xed")), 1002),
    "a close of one byte": (masked(frame(CLOSE, b"\x03")), 1002),
    "compression that nobody agreed on": (masked(frame(TEXT, b"a", reserved=4)), 1002),
}


def test_frames_that_break_the_protocol_close_the_connection(owner, caplog):
    async def story(sockets):
        for name, (sent, code) in BREACHES.items():
            answer = await sockets.raw_answer("/v1/realtime", after=sent)
            head, _, frames = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), name
            assert struct.pack("!BB", 0x88, frames[frames.index(b"\x88") + 1]) + struct.pack("!H", code) in frames, name
        async for run in Run.objects.all():
            while run.outcome == "started":
                await asyncio.sleep(0.02)
                await run.arefresh_from_db()
        async with sockets.open() as socket:
            await socket.recv()

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert {tuple(row) for row in Run.objects.values_list("outcome", "error_code")} == {("succeeded", "")}
    assert not [event for kind, _, event in said.asked if kind == "WEBSOCKET"]


HANDSHAKES = {
    "no key of the protocol": ({"Sec-WebSocket-Key": None}, "400"),
    "a key that is none": ({"Sec-WebSocket-Key": "short"}, "400"),
    "an old version": ({"Sec-WebSocket-Version": "8"}, "400"),
    "two lengths": ({"Content-Length": "5\r\nContent-Length: 6"}, "400"),
    "no host": ({"Host": None}, "400"),
    "a host of somebody else": ({"Host": "elsewhere.example.com"}, "400"),
    "10,000 headers": ({"X-A": "\r\n".join(["b", *["X-A: b"] * 10_000])}, "400"),
}


def test_handshakes_that_are_none_open_nothing(owner, caplog):
    async def story(sockets):
        for name, (headers, status) in HANDSHAKES.items():
            async with asyncio.timeout(5):
                answer = await sockets.raw_answer("/v1/realtime", **headers)
            assert answer[9:12].decode() == status, (name, answer[:200])

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)
    assert (said.asked, Run.objects.count()) == ([], 0)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
