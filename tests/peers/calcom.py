"""Cal.com's API v2 as far as Coffer uses it, on loopback: a contract of our own, strict about keys and versions.

A key it does not know is refused on every endpoint, one that is missing only where it is needed; a version that an
endpoint does not have is a 404. Errors come in Cal.com's two shapes.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.peers.upstreams import answering, http

KEY = "cal_live_0123456789abcdef0123"
EXPIRED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.expired-token"
TAKEN = "2026-11-23T08:20:00Z"
FREE = "2026-11-23T09:00:00Z"

VERSIONS = [
    (r"GET /v2/me", None),
    (r"GET /v2/event-types", "2024-06-14"),
    (r"GET /v2/slots", "2024-09-04"),
    (r"POST /v2/bookings(/[\w-]+/(cancel|reschedule))?", "2024-08-13"),
]


@dataclass
class Call:
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any

    @property
    def version(self) -> str | None:
        return self.headers.get("cal-api-version")


@dataclass
class CalcomServer:
    """`say` is an answer to give to whatever comes: status, headers and body."""

    calls: list[Call] = field(default_factory=list)
    keys: set[str] = field(default_factory=lambda: {KEY})
    say: tuple[str, tuple[str, ...], bytes] | None = None
    limits: tuple[str, ...] = ("X-RateLimit-Limit-Default: 120", "X-RateLimit-Remaining-Default: 119")
    url: str = ""

    def respond(self, request: bytes, connection: Any) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        call = Call(method, path, parse_qs(query), headers, json.loads(body) if body else None)
        self.calls.append(call)
        status, more, answer = self.say or self._answer(call)
        connection.sendall(http(answer, status=status, headers=("Content-Type: application/json", *more)))

    def _answer(self, call: Call) -> tuple[str, tuple[str, ...], bytes]:
        limits = (*self.limits, "X-Request-Id: req-7")
        status, document = self._refused(call) or self._done(call)
        return status, limits, json.dumps(document).encode()

    def _refused(self, call: Call) -> tuple[str, Any] | None:
        sent = call.headers.get("authorization", "")
        kind, _, key = sent.partition(" ")
        if sent and kind != "Bearer":
            return "500 Internal Server Error", {"statusCode": 500, "message": "Internal server error"}
        if key == EXPIRED:
            return "498 Invalid Token", error(call, "TokenExpiredException", "ACCESS_TOKEN_IS_EXPIRED", 498)
        if sent and key not in self.keys:
            said = "CustomThrottlerGuard - Invalid API Key"
            return "401 Unauthorized", error(call, "UnauthorizedException", said, 401)
        if not sent and call.path == "/v2/me":
            said = "ApiAuthStrategy - no authentication method provided"
            return "401 Unauthorized", error(call, "UnauthorizedException", said, 401)
        versions = [version for route, version in VERSIONS if re.fullmatch(route, f"{call.method} {call.path}")]
        if not versions or (versions[0] and call.version != versions[0]):
            said = f"Cannot {call.method} {call.path}"
            return "404 Not Found", error(call, "NotFoundException", said, 404)
        return None

    def _done(self, call: Call) -> tuple[str, Any]:
        if call.path == "/v2/me":
            return "200 OK", success({"id": 1, "username": "harbor", "email": "team@harbor.example"})
        if call.path == "/v2/event-types":
            return "200 OK", success([{"id": 42, "title": "Dental check-up", "lengthInMinutes": 30}])
        if call.path == "/v2/slots":
            missing = {"start", "end"} - set(call.query) or self._missing_event_type(call.query)
            if missing:
                return "400 Bad Request", error(call, "BAD_REQUEST", f"{min(missing)} - Required, ", 400)
            return "200 OK", success({"2026-11-23": [{"start": "2026-11-23T10:00:00.000+01:00"}]})
        if call.path.endswith("/cancel"):
            return "200 OK", success({"uid": call.path.split("/")[3], "status": "cancelled"})
        return self._booked(call)

    def _missing_event_type(self, given: dict[str, Any]) -> set[str]:
        """An event type is named by its id, or by its slug and whose it is."""
        by_slug = "eventTypeSlug" in given and bool({"username", "teamSlug"} & set(given))
        return set() if by_slug or "eventTypeId" in given else {"eventTypeId"}

    def _booked(self, call: Call) -> tuple[str, Any]:
        moved = call.path.endswith("/reschedule")
        attendee = call.body.get("attendee", {})
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", call.body.get("start", "")):
            document = error(call, "BadRequestException", "Bad Request", 400)
            document["error"]["details"]["message"] = ["start must be a valid ISO 8601 date", "start is needed"]
            return "400 Bad Request", document
        if call.body["start"] == TAKEN:
            said = "User either already has booking at this time or is not available"
            return "400 Bad Request", error(call, "BadRequestException", said, 400)
        if not moved and attendee.get("name") == "Without title":
            said = "responses - {title}error_required_field"
            return "400 Bad Request", error(call, "BadRequestException", said, 400)
        complete = attendee.get("name") and attendee.get("timeZone") and not self._missing_event_type(call.body)
        if not moved and not complete:
            return "400 Bad Request", error(call, "BAD_REQUEST", "attendee - Required, ", 400)
        return "201 Created", success({"uid": "new-uid", "start": call.body["start"], "status": "accepted"})


def success(data: Any) -> dict[str, Any]:
    return {"status": "success", "data": data}


def error(call: Call, code: str, message: str, status: int) -> dict[str, Any]:
    details = {"message": message, "error": "Error", "statusCode": status}
    return {
        "status": "error",
        "timestamp": "2026-11-21T07:00:00.000Z",
        "path": call.path,
        "error": {"code": code, "message": message, "details": details},
    }


@contextmanager
def calcom_server(**options: Any) -> Iterator[CalcomServer]:
    """One that answers until the block ends."""
    server = CalcomServer(**options)
    with answering(server.respond) as url:
        server.url = url
        yield server
