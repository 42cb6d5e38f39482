"""A real OAuth 2 token endpoint on loopback that is strict about encoding, and an API that takes its tokens."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote_plus

from tests.peers.upstreams import answering, http

CLIENT_ID, CLIENT_SECRET = "agent@clinic:1", 'pa ss/wör%d+&"1'


@dataclass
class TokenServer:
    """Its address, how the client has to sign in, what it answers, and what it was asked."""

    url: str = ""
    authentication: str = "basic"
    expires_in: object = 3600
    revoked: set[str] = field(default_factory=set)
    answer: tuple[str, object] | None = None
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def respond(self, request: bytes, sock) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        sock.sendall(self._token(head.decode(), body.decode()) if path == "/token" else self._api(head.decode()))

    def _token(self, head: str, body: str) -> bytes:
        fields = parse_qs(body, keep_blank_values=True, strict_parsing=True)
        self.asked.append(fields)
        if self.answer:
            return http(json.dumps(self.answer[1]).encode(), status=self.answer[0])
        if fields.get("grant_type") != ["client_credentials"] or self._client(head, fields) != (
            CLIENT_ID,
            CLIENT_SECRET,
        ):
            return http(
                b'{"error": "invalid_client", "error_description": "no such client"}', status="401 Unauthorized"
            )
        answer = {"access_token": f"access-token-{len(self.asked)}", "token_type": "Bearer"}
        answer |= {"expires_in": self.expires_in} if self.expires_in is not None else {}
        return http(json.dumps(answer).encode(), headers=("Content-Type: application/json",))

    def _client(self, head: str, fields: dict[str, list[str]]) -> tuple[str, ...]:
        if self.authentication == "post":
            return tuple(fields.get(name, [""])[0] for name in ("client_id", "client_secret"))
        line = next((line for line in head.split("\r\n") if line.startswith("Authorization: Basic ")), "")
        name, _, secret = base64.b64decode(line.removeprefix("Authorization: Basic ")).decode().partition(":")
        if self.authentication == "basic":
            return unquote_plus(name), unquote_plus(secret)
        return name, secret

    def _api(self, head: str) -> bytes:
        line = next((line for line in head.split("\r\n") if line.startswith("Authorization: ")), "")
        token = line.removeprefix("Authorization: Bearer ")
        self.calls.append(token)
        if not token.startswith("access-token-") or token in self.revoked:
            return http(b"no", status="401 Unauthorized")
        return http(f"you sent {token}".encode())


@contextmanager
def token_server(**options: object) -> Iterator[TokenServer]:
    """One that answers until the block ends."""
    server = TokenServer(**options)
    with answering(server.respond) as url:
        server.url = url
        yield server
