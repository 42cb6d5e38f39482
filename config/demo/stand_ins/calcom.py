"""Demo stand-in for Cal.com: as much of its API v2 as Coffer calls, with invented calendars kept in memory.

It accepts every key that looks like Cal.com's, so that a rotation to a new key can be tried, and refuses others.
"""

import json
import re
import secrets
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.demo.loopback import Handler, Note, serving_http

ACCOUNT = {"id": 1, "username": "stand-in-for-harbor-clinics", "email": "reception@harbor.example"}
EVENT_TYPES = [
    {"id": 42, "slug": "check-up", "title": "Check-up (demo stand-in)", "lengthInMinutes": 30},
    {"id": 43, "slug": "first-visit", "title": "First visit (demo stand-in)", "lengthInMinutes": 60},
]
VERSIONS = {"/v2/event-types": "2024-06-14", "/v2/slots": "2024-09-04", "/v2/bookings": "2024-08-13"}
OPENING_HOURS = range(8, 16)
LONGEST_DAYS = 31
SATURDAY = 5

_KEY = re.compile(r"Bearer cal_(live|test)_\w{16,}", re.ASCII)
_BOOKING = re.compile(r"/v2/bookings/([\w-]+)/(reschedule|cancel)", re.ASCII)


class Refused(Exception):  # noqa: N818 - an answer
    """An error as Cal.com words it."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Calendar:
    """Bookings by uid, until the process ends."""

    def __init__(self) -> None:
        self._starts: dict[str, str] = {}

    def slots(self, query: dict[str, list[str]]) -> dict[str, list[dict[str, str]]]:
        """Full hours on working days between `start` and `end`, those that are booked left out."""
        first, last = _day(query, "start"), _day(query, "end")
        days = [first + timedelta(days=number) for number in range(min((last - first).days + 1, LONGEST_DAYS))]
        return {
            f"{day:%Y-%m-%d}": [{"start": start} for start in self._free_on(day)]
            for day in days
            if day.weekday() < SATURDAY
        }

    def book(self, body: dict[str, Any]) -> dict[str, Any]:
        """A new booking."""
        attendee = body.get("attendee") or {}
        if not (attendee.get("name") and attendee.get("timeZone") and body.get("eventTypeId")):
            raise Refused(HTTPStatus.BAD_REQUEST, "attendee - Required, ")
        return self._place(secrets.token_urlsafe(12), body)

    def change(self, uid: str, act: str, body: dict[str, Any]) -> dict[str, Any]:
        """A booking, moved or cancelled."""
        if uid not in self._starts:
            raise Refused(HTTPStatus.NOT_FOUND, f"Booking with uid={uid} was not found in the database")
        if act == "reschedule":
            return self._place(uid, body)
        return {"uid": uid, "start": self._starts.pop(uid), "status": "cancelled"}

    def _place(self, uid: str, body: dict[str, Any]) -> dict[str, Any]:
        start = str(body.get("start", ""))
        if start in self._starts.values():
            said = "User either already has booking at this time or is not available"
            raise Refused(HTTPStatus.BAD_REQUEST, said)
        self._starts[uid] = start
        return {"uid": uid, "start": start, "status": "accepted"}

    def _free_on(self, day: datetime) -> list[str]:
        starts = [f"{day:%Y-%m-%d}T{hour:02}:00:00Z" for hour in OPENING_HOURS]
        return [start for start in starts if start not in self._starts.values()]


class CalcomHandler(Handler):
    """Answers in Cal.com's two shapes, success and error."""

    calendar: Calendar

    def answer(self) -> None:
        """Read the request, note it, and do what it asks."""
        seen = self.received()
        try:
            answer = {"status": "success", "data": self._data(seen)}
            status = HTTPStatus.CREATED if self.path == "/v2/bookings" else HTTPStatus.OK
        except Refused as refused:
            status, error = refused.status, {"code": refused.status.phrase, "message": refused.message}
            answer = {"status": "error", "path": self.path, "error": error | {"details": error}}
        self.send_json(status, json.dumps(answer).encode())

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

    def _data(self, seen: dict[str, Any]) -> Any:
        url = urlsplit(self.path)
        if not _KEY.fullmatch(self.headers.get("Authorization", "")):
            raise Refused(HTTPStatus.UNAUTHORIZED, "CustomThrottlerGuard - Invalid API Key")
        self._check_version(url.path)
        if self.command == "POST":
            return self._booked(url.path, json.loads(seen["body"] or "{}"))
        answers = {
            "/v2/me": lambda: ACCOUNT,
            "/v2/event-types": lambda: EVENT_TYPES,
            "/v2/slots": lambda: self.calendar.slots(parse_qs(url.query)),
        }
        return answers.get(url.path, self._unknown)()

    def _booked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/v2/bookings":
            return self.calendar.book(body)
        found = _BOOKING.fullmatch(path)
        return self.calendar.change(found[1], found[2], body) if found else self._unknown()

    def _check_version(self, path: str) -> None:
        wanted = next((version for start, version in VERSIONS.items() if path.startswith(start)), None)
        if wanted and self.headers.get("cal-api-version") != wanted:
            self._unknown()

    def _unknown(self) -> Any:
        raise Refused(HTTPStatus.NOT_FOUND, f"Cannot {self.command} {self.path}")


def serving(port: int, note: Note) -> AbstractContextManager[int]:
    """Serve on 127.0.0.1 in a thread until the block ends; the port in use (0 asks for a free one)."""
    handler = type("CalcomHandler", (CalcomHandler,), {"calendar": Calendar()})
    return serving_http(handler, port, note)


def _day(query: dict[str, list[str]], name: str) -> datetime:
    try:
        return datetime.fromisoformat(query[name][0][:10]).replace(tzinfo=UTC)
    except (KeyError, ValueError):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} - Required, ") from None
