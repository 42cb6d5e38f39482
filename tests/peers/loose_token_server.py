"""A token endpoint of OAuth 2 that answers as a test says, and an API that takes its token."""

import json
from urllib.parse import parse_qsl

from tests.peers.upstreams import http

CLIENT_SECRET = "Abcd+1234%Q:/x"
TOKEN = "granted-token-0001"
GRANTED = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}


class LooseTokenServer:
    """A token endpoint at `/token` and an API that takes its token; `asked` are the token requests."""

    def __init__(self, answer):
        self.answer, self.asked, self.calls = answer, [], 0

    def respond(self, request, connection):
        head, _, body = request.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if target.startswith("/api"):
            self.calls += headers.get("authorization") == f"Bearer {TOKEN}"
            return connection.sendall(http(b"{}"))
        self.asked.append((method, target, headers, body))
        answer = self.answer(target, headers, body) if callable(self.answer) else self.answer
        return connection.sendall(answer if isinstance(answer, bytes) else http(json.dumps(answer).encode()))

    @property
    def body(self):
        return self.asked[-1][3]

    @property
    def fields(self):
        return dict(parse_qsl(self.body, keep_blank_values=True, strict_parsing=True))


def json_answer(members, status="200 OK"):
    return http(json.dumps(members).encode(), status=status, headers=("Content-Type: application/json",))
