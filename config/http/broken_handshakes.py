"""Handshakes of WebSockets that the server cannot read, such as one with more headers than its library takes.

uvicorn says nothing about them and leaves the connection open; when it stops, it trips over such a connection and
leaves what is under way. So they are answered here, before any application runs.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ANSWER = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_receive = WebSocketsSansIOProtocol.data_received


def answer_broken_handshakes() -> None:
    """Let uvicorn answer handshakes that it cannot read, and close their connections."""
    WebSocketsSansIOProtocol.data_received = _receive_or_answer  # type: ignore[assignment, method-assign]


def _receive_or_answer(connection: WebSocketsSansIOProtocol, data: bytes) -> None:
    _receive(connection, data)
    is_broken = connection.conn.handshake_exc is not None and not connection.handshake_initiated
    if is_broken and not connection.transport.is_closing():
        connection.transport.write(ANSWER)
        connection.transport.close()
