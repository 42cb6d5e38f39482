"""Demo stand-in for a SIP provider: answers OPTIONS, and REGISTER with a digest challenge (RFC 3261, RFC 8760).

It listens for UDP. It knows one account, and keeps no registrations: a request with a right answer gets 200.
"""

import hashlib
import re
import secrets
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from config.demo.loopback import HOST, Note

REALM, USER = "sip.harbor.example", "harbor-100"
PASSWORD = "demo-password-of-the-stand-in"  # noqa: S105 - the stand-in answers on loopback alone
SERVER = "Demo stand-in for a SIP provider"
NONCES = 100
"""How many of the latest nonces are accepted."""

_REPEATED = re.compile(r"(?:Via|From|To|Call-ID|CSeq):", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class SipServer(socketserver.UDPServer):
    """One socket; requests are answered one after the other."""

    def __init__(self, port: int, note: Note) -> None:
        super().__init__((HOST, port), SipHandler)
        self.note = note
        self.nonces: list[str] = []


class SipHandler(socketserver.BaseRequestHandler):
    """One datagram."""

    server: SipServer

    def handle(self) -> None:
        """Answer a request; anything else is left alone."""
        text = self.request[0].decode("utf-8", "replace")
        lines = text.partition("\r\n\r\n")[0].split("\r\n")
        method, _, version = lines[0].partition(" ")
        if version.endswith("SIP/2.0") and method != "ACK":
            self.server.note({"method": method, "request": text})
            status, *headers = self._answer(method, lines[1:])
            self.request[1].sendto(_response(status, lines[1:], headers), self.client_address)

    def _answer(self, method: str, lines: list[str]) -> list[str]:
        if method == "OPTIONS":
            return ["200 OK", "Allow: OPTIONS, REGISTER"]
        if method != "REGISTER":
            return ["405 Method Not Allowed", "Allow: OPTIONS, REGISTER"]
        given = next((line for line in lines if line.lower().startswith("authorization: digest ")), "")
        if not given:
            return ["401 Unauthorized", f"WWW-Authenticate: {self._challenge()}"]
        return ["200 OK"] if self._is_right(given, method) else ["403 Forbidden"]

    def _challenge(self) -> str:
        nonce = secrets.token_hex(16)
        self.server.nonces = [*self.server.nonces[1 - NONCES :], nonce]
        return f'Digest realm="{REALM}", nonce="{nonce}", algorithm=SHA-256, qop="auth"'

    def _is_right(self, given: str, method: str) -> bool:
        found = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(given)}
        if found.get("nonce") not in self.server.nonces or found.get("username") != USER:
            return False
        middle = [found.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
        first, last = _sha256(USER, REALM, PASSWORD), _sha256(method, found.get("uri", ""))
        return secrets.compare_digest(found.get("response", "").encode(), _sha256(first, *middle, last).encode())


@contextmanager
def serving(port: int, note: Note) -> Iterator[int]:
    """Serve on 127.0.0.1 in a thread until the block ends; the port in use (0 asks for a free one)."""
    with SipServer(port, note) as server:
        threading.Thread(target=server.serve_forever, name="sip-stand-in", daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def _sha256(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


def _response(status: str, lines: list[str], headers: list[str]) -> bytes:
    """A response with the headers that it has to repeat, and a tag in To (RFC 3261 section 8.2.6.2)."""
    repeated = [_tagged(line) for line in lines if _REPEATED.match(line)]
    head = [f"SIP/2.0 {status}", *repeated, *headers, f"Server: {SERVER}", "Content-Length: 0", "", ""]
    return "\r\n".join(head).encode()


def _tagged(line: str) -> str:
    return f"{line};tag=stand-in" if line.lower().startswith("to:") and ";tag=" not in line else line
