"""Upstreams that misbehave: a raw socket server which answers each request with whatever bytes a test says."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Respond = Callable[[bytes, socket.socket], None]


@contextmanager
def answering(respond: Respond, *, until: bytes = b"\r\n\r\n", tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on loopback until the block ends; its base URL.

    `respond` gets the request and the connection, once everything up to `until` and the announced body has arrived.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopped = threading.Event()
        thread = threading.Thread(target=_serve, args=(server, respond, until, stopped, tls), daemon=True)
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stopped.set()
            with socket.create_connection(server.getsockname()):
                thread.join(timeout=5)


def http(body: bytes, *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    """A complete HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def closed_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _serve(
    server: socket.socket, respond: Respond, until: bytes, stopped: threading.Event, tls: ssl.SSLContext | None
) -> None:
    while True:
        connection, _ = server.accept()
        if stopped.is_set():
            connection.close()
            return
        threading.Thread(target=_one, args=(connection, respond, until, tls), daemon=True).start()


def _one(connection: socket.socket, respond: Respond, until: bytes, tls: ssl.SSLContext | None) -> None:
    with connection:
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as spoken:
                respond(_request(spoken, until), spoken)
        except OSError:
            return  # the client has gone, which is what some tests are about


def _request(connection: socket.socket, until: bytes) -> bytes:
    received = connection.recv(65536)
    while until not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < sum(lengths):
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("The client has gone before its request was complete.")
    return received
