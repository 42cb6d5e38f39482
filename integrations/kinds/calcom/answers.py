"""What Cal.com answers, read: its data, its two shapes of errors, and when it wants to be asked again.

Owns: the way from an error to one sentence with the way out. What Cal.com says itself is untrusted text; it is passed
on beside our sentence, shortened, and masked by the broker like every answer.
"""

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.errors import ResponseUnreadable
from integrations.exchange.messages import UpstreamResponse

WINDOW = 60
"""Seconds of Cal.com's limit, for an answer that does not say when it ends."""
MAX_SAID = 500

TOO_MANY, TOKEN_EXPIRED = 429, 498
_EPOCH = 10**8  # seconds until something are fewer, a point in time is later
_LIMIT = re.compile(r"x-ratelimit-(remaining|reset)(.*)")
_SPEAKER = re.compile(r"^[A-Z]\w+ - (?:api key - )?")
_FIELD_NEEDED = re.compile(r"\{?([\w-]+)\}?error_required_field")

_SENTENCES = {
    401: ("credential_refused", "Cal.com refused the API key. Enter a valid one as the value of its secret."),
    403: ("not_allowed", "The API key may not do this. Use the key of an account that may."),
    404: ("not_found", "Cal.com found no such booking, event type or user for this API key."),
    TOO_MANY: ("rate_limited", "Cal.com takes no more calls with this API key for now."),
    TOKEN_EXPIRED: ("token_expired", "The access token has expired. Enter a new one, or use an API key."),
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error in our words: a stable code, a sentence, and what Cal.com itself said."""

    code: str
    sentence: str
    said: str = ""
    request_id: str = ""
    retry_after_seconds: int = 0

    @property
    def message(self) -> str:
        """All of it for people."""
        again = f" Try again in {self.retry_after_seconds} s." if self.retry_after_seconds else ""
        said = f" Cal.com says: {self.said}" if self.said else ""
        return self.sentence + again + said

    def as_json(self) -> dict[str, Any]:
        """The error as it is answered, in one shape."""
        found: dict[str, Any] = {"code": self.code, "message": self.message, "request_id": self.request_id}
        if self.retry_after_seconds:
            found |= {"retry_after_seconds": self.retry_after_seconds}
        return {"status": "error", "error": {name: value for name, value in found.items() if value}}


def data_of(response: UpstreamResponse, host: str) -> Any:
    """What a successful answer holds.

    Raises:
        ResponseUnreadable: it is not an answer of Cal.com.
    """
    answer = _object(response.body)
    if answer.get("status") != "success":
        raise ResponseUnreadable(f"{host} did not answer like Cal.com's API v2. Check the base URL.")
    return answer.get("data")


def complaint_of(response: UpstreamResponse, host: str) -> Complaint:
    """Why an answer is no success."""
    said = _said(_object(response.body))
    code, sentence = _told(response.status or 0, said, host)
    wait = math.ceil(seconds_to_wait(response)) if response.status == TOO_MANY else 0
    return Complaint(code, sentence, said, _header(response, b"x-request-id")[:100], wait)


def in_one_shape(response: UpstreamResponse, complaint: Complaint) -> UpstreamResponse:
    """The answer with the error as its body; its status and its other headers stay."""
    replaced = {b"content-type", b"content-length", b"content-encoding"}
    kept = [header for header in response.headers if header[0].lower() not in replaced]
    headers = (*kept, (b"Content-Type", b"application/json"))
    return UpstreamResponse(
        response.status, response.reason, headers, json.dumps(complaint.as_json()).encode(), readable=True
    )


def seconds_to_wait(response: UpstreamResponse) -> float:
    """For how long Cal.com wants no more calls: it refused one, or said that none is left."""
    limits = dict(_limits(response))
    exhausted = [name for (what, name), number in limits.items() if what == "remaining" and number <= 0]
    resets = [limits["reset", name] for name in exhausted if ("reset", name) in limits]
    if response.status != TOO_MANY:
        return max(resets, default=0.0)
    after = _number(_header(response, b"retry-after"))
    if after is not None:
        return max(1.0, _from_now(after))
    stated = resets or [seconds for (what, _), seconds in limits.items() if what == "reset"]
    return max(1.0, *stated) if stated else WINDOW


def _told(status: int, said: str, host: str) -> tuple[str, str]:
    if found := _FIELD_NEEDED.search(said):
        return "field_required", f"The booking needs the field “{found[1]}”. Give it in booking_fields."
    if "not available" in said and status == 400:  # noqa: PLR2004 - HTTP
        return "slot_not_free", "This slot is not free. Ask for the free slots and choose another one."
    if status == 404 and said.startswith("Cannot "):  # noqa: PLR2004 - HTTP
        return "no_such_address", f"There is no such address at {host}. Check the base URL."
    return _SENTENCES.get(status) or _told_by_class(status, host)


def _told_by_class(status: int, host: str) -> tuple[str, str]:
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP
        return "redirected", f"{host} redirects elsewhere. Enter the address that it leads to as base URL."
    if status >= 500:  # noqa: PLR2004 - HTTP
        return "unavailable", f"Cal.com failed with an error of its own ({status}). Try again later."
    return "not_accepted", f"Cal.com did not accept this ({status})."


def _said(answer: dict[str, Any]) -> str:
    """Its own words: those of `{"error": {"code", "message", "details"}}`, else of `{"statusCode", "message"}`."""
    error = answer.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else answer.get("message")
    listed = details.get("message") if isinstance(details, dict) else None
    found = listed if isinstance(listed, list) else message
    text = "; ".join(map(str, found)) if isinstance(found, list) else found if isinstance(found, str) else ""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return _SPEAKER.sub("", shown).strip(" ,")[:MAX_SAID]


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _header(response: UpstreamResponse, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _limits(response: UpstreamResponse) -> Iterator[tuple[tuple[str, str], float]]:
    """What the headers `X-RateLimit-Remaining-…` and `X-RateLimit-Reset-…` say, by these words and the limit's name."""
    for name, value in response.headers:
        found, number = _LIMIT.fullmatch(name.decode("latin-1").lower()), _number(value.decode("latin-1"))
        if found and number is not None:
            yield (found[1], found[2]), _from_now(number) if found[1] == "reset" else number


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,13}", text.strip()) else None


def _from_now(number: float) -> float:
    """Seconds, also where a point in time is given."""
    if number < _EPOCH:
        return number
    return max(0.0, (number / 1000 if number > _EPOCH * 1000 else number) - time.time())
