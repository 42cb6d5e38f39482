"""What servers answer: heads, bodiless answers and codings of real servers, over real sockets."""

import gzip
import zlib

import brotli
import pytest

from integrations.transport.client import send
from integrations.transport.connections import keeping_connections
from integrations.transport.decoding import zstd
from tests.peers.tls_upstream import upstream
from tests.support.integrations.calls import LOOPBACK, call, request

OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = b'{"ok": true}'


def coded(coding: bytes, body: bytes) -> bytes:
    return OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(body)) + body


ANSWERS = {
    "H03": (coded(b"gzip", gzip.compress(PLAIN)), PLAIN),
    "H03-x-gzip": (coded(b"x-gzip", gzip.compress(PLAIN)), PLAIN),
    "H03-capitals": (coded(b"GZIP", gzip.compress(PLAIN)), PLAIN),
    "H03-two-members": (coded(b"gzip", gzip.compress(PLAIN[:5]) + gzip.compress(PLAIN[5:])), PLAIN),
    "H03-deflate": (coded(b"deflate", zlib.compress(PLAIN)), PLAIN),
    "H03-raw-deflate": (coded(b"deflate", zlib.compress(PLAIN)[2:-4]), PLAIN),
    "H03-identity": (coded(b"identity", PLAIN), PLAIN),
    "H04-br": (coded(b"br", brotli.compress(PLAIN)), PLAIN),
    "H04-zstd": (coded(b"zstd", zstd.compress(PLAIN)), PLAIN),
    "H20": (OK + b"Set-Cookie: a=b\x01c\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H22": (OK + b"X-Echo : curl\r\nContent-Length : 4\r\n\r\nfine", b"fine"),
    "H22-folded": (OK + b"X-Long: one\r\n two\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H22-line-feeds": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\nfine", b"fine"),
    "H22-same-length-twice": (OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H22-no-name": (OK + b"no name\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H22-length-beside-chunks": (
        OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        b"fine",
    ),
    "H23": (OK + b"icy-name:Caf\xe9 de Paris\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H25": (b"HTTP/1.1 999 Request denied\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H36": (OK + b"X-Policy: " + b"a" * 40_000 + b"\r\nContent-Length: 4\r\n\r\nfine", b"fine"),
    "H05-204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 30\r\n\r\n" + b"x" * 30, b""),
    "H05-304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nfine", b""),
    "H05-more-than-announced": (OK + b"Content-Length: 4\r\n\r\nfine and more", b"fine"),
    "H05-interim": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nfine", b"fine"),
}


@pytest.mark.parametrize(("answer", "body"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_read_as_browsers_read_it(answer, body, trusting):
    async with upstream(answer) as server:
        response = await call(server, trusting, method="DELETE")
    assert (response.body, response.readable) == (body, True)


async def test_h05_a_body_after_head_is_ignored(trusting):
    async with upstream(OK + b"Content-Length: 4\r\n\r\nfine") as server:
        assert (await call(server, trusting, method="HEAD")).body == b""


async def test_h05_what_follows_a_bodiless_answer_is_never_the_answer_to_the_next_call(trusting):
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    async with (
        upstream(b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n" % len(forged) + forged) as server,
        keeping_connections(),
    ):
        for _ in range(2):
            outgoing = request(f"http://127.0.0.1:{server.port}/")
            response = await send(outgoing, LOOPBACK, ssl_context=trusting, owner=(1, 1, "staging"))
            assert (response.status, response.body) == (204, b"")
