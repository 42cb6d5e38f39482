"""WebSocket servers that break the protocol: the handshake and the frames are whatever a test writes."""

import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.peers.tls_upstream import Upstream, read_request, upstream

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def accept_of(request: bytes) -> bytes:
    """The accept key that answers a handshake (RFC 6455 section 4.2.2)."""
    lines = request.split(b"\r\n")
    key = next(line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"sec-websocket-key:"))
    return base64.b64encode(hashlib.sha1(key + MAGIC).digest())


def switching(request: bytes, *headers: bytes, accept: bytes | None = None) -> bytes:
    """The answer that opens a WebSocket."""
    accepted = b"Sec-WebSocket-Accept: " + (accept or accept_of(request))
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade", accepted, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def frame(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0, claimed: int | None = None) -> bytes:
    """A frame of a server, which is not masked; `claimed` is a length that it does not have."""
    length = len(payload) if claimed is None else claimed
    first = (0x80 if final else 0) | reserved << 4 | opcode
    if length < 126:
        return bytes([first, length]) + payload
    if length < 65536:
        return bytes([first, 126]) + struct.pack("!H", length) + payload
    return bytes([first, 127]) + struct.pack("!Q", length) + payload


@asynccontextmanager
async def answering_with(answer: Callable[[bytes], bytes], *, stays: bool = True) -> AsyncIterator[Upstream]:
    """A server that answers each handshake with these bytes, and then listens until the caller leaves."""
    seen: list[bytes] = []

    async def serve(reader, writer) -> None:
        request = await read_request(reader)
        seen.append(request)
        writer.write(answer(request))
        await writer.drain()
        while stays and (piece := await reader.read(65536)):
            seen.append(piece)

    async with upstream(serve, listens=False) as server:
        server.received = seen
        yield server
