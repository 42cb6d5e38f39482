"""SIP servers that misbehave: raw sockets on loopback which answer with whatever bytes a test says."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.peers.upstreams import answering

Answer = Callable[[bytes], list[bytes]]


@contextmanager
def sip_over_udp(answer: Answer) -> Iterator[int]:
    """The port of one that sends `answer(request)` back, datagram by datagram, until the block ends."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(sock, answer), daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(type=socket.SOCK_DGRAM) as stop:
                stop.sendto(b"stop", sock.getsockname())
            thread.join(timeout=5)


@contextmanager
def sip_over_tcp(answer: Answer) -> Iterator[int]:
    """The same on a stream: the pieces of every answer are sent one after the other."""

    def respond(request: bytes, sock: socket.socket) -> None:
        while request:
            for piece in answer(request):
                sock.sendall(piece)
            request = sock.recv(65536)

    with answering(respond) as url:
        yield int(url.rpartition(":")[2])


def reply(request: bytes, status: str = "200 OK", *more: str, body: bytes = b"") -> bytes:
    """A response to the request, with what it has to repeat."""
    lines = request.decode().split("\r\n")
    repeated = [line for line in lines if re.match(r"(?:Via|From|To|Call-ID|CSeq):", line)]
    head = "\r\n".join([f"SIP/2.0 {status}", *repeated, *more, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


def _serve(sock: socket.socket, answer: Answer) -> None:
    while True:
        request, client = sock.recvfrom(65536)
        if request == b"stop":
            return
        for datagram in answer(request):
            sock.sendto(datagram, client)
