"""The upstream of this part: `python -m tests.benchmarks.streams.upstream PORT`, with the header that it expects.

`/first` sends an event and ends; `/events` sends one every 100 ms that says when it was sent; `/audio` and `/text` send
so many MiB as fast as they are taken.
"""

import asyncio
import os
import random
import sys
import time

PIECE = 256 * 1024
EVERY_SECONDS = 0.1
_WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "asks",
    "how",
    "the",
    "weather",
    "will",
    "be",
    "tomorrow,",
    "please",
]
BODIES = {
    b"/audio": os.urandom(PIECE),
    b"/text": " ".join(random.choices(_WORDS, k=PIECE // 5)).encode().ljust(PIECE)[:PIECE],
}
TYPES = {b"/audio": b"audio/mpeg", b"/text": b"text/plain"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"chatcmpl-1","object":"chunk","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of a connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if os.environ["EXPECTED"].encode() not in head:
                writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
                continue
            address, _, number = head.split(b" ")[1].partition(b"?")
            writer.write(HEAD % TYPES.get(address, b"text/event-stream"))
            await _send(writer, address, int(number or b"1"))
            writer.write(b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _send(writer: asyncio.StreamWriter, address: bytes, number: int) -> None:
    for at in range(number if address == b"/events" else 1):
        if address in BODIES:
            for _ in range(number * 1024 * 1024 // PIECE):
                await _chunk(writer, BODIES[address])
            return
        if at:
            await asyncio.sleep(EVERY_SECONDS)
        await _chunk(writer, EVENT % f"said at {time.monotonic():.6f}; ".encode())


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
    await writer.drain()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
