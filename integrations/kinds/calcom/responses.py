"""Reading Cal.com's responses: data, two formats of errors, and rate limits.

Errors become one sentence that says what to do. Cal.com's own message is untrusted text; it is passed on after our
sentence, shortened, and masked by the broker like every response.
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
"""Cal.com's rate limit window in seconds, for responses that do not say when it ends."""
MAX_SAID = 500

TOO_MANY, TOKEN_EXPIRED = 429, 498
_EPOCH = 10**8  # smaller numbers are seconds from now, larger ones a point in time
_LIMIT = re.compile(r"x-ratelimit-(remaining|reset)(.*)")
_SPEAKER = re.compile(r"^[A-Z]\w+ - (?:api key - )?")
_FIELD_NEEDED = re.compile(r"\{?([\w-]+)\}?error_required_field")

_SENTENCES = {
    401: ("credential_refused", "Cal.com refused the API key. Enter a valid one as the value of its secret."),
    403: ("not_allowed", "The API key may not do this. Use the key of an account that may."),
    404: ("not_found", "Cal.com found no such booking, event type or user for this API key."),
    TOO_MANY: ("rate_limited", "Cal.com accepts no more calls with this API key for now."),
    TOKEN_EXPIRED: ("token_expired", "The access token has expired. Enter a new one, or use an API key."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error response.

    Attributes:
        code: a stable code.
        sentence: what happened and what to do.
        quote: Cal.com's own message, shortened.
    """

    code: str
    sentence: str
    quote: str = ""
    request_id: str = ""
    retry_after_seconds: int = 0

    @property
    def message(self) -> str:
        """The sentence, the time to wait and Cal.com's own message."""
        again = f" Try again in {self.retry_after_seconds} s." if self.retry_after_seconds else ""
        quote = f" Cal.com says: {self.quote}" if self.quote else ""
        return self.sentence + again + quote

    def as_json(self) -> dict[str, Any]:
        """Return the error in the format that every failed call returns."""
        found: dict[str, Any] = {"code": self.code, "message": self.message, "request_id": self.request_id}
        if self.retry_after_seconds:
            found |= {"retry_after_seconds": self.retry_after_seconds}
        return {"status": "error", "error": {name: value for name, value in found.items() if value}}


def data_of(response: UpstreamResponse, host: str) -> Any:
    """Return the data of a successful response.

    Raises:
        ResponseUnreadable: it is not a response of Cal.com.
    """
    answer = _object(response.body)
    if answer.get("status") != "success":
        raise ResponseUnreadable(f"{host} did not answer like Cal.com's API v2. Check the base URL.")
    return answer.get("data")


def problem_of(response: UpstreamResponse, host: str) -> Problem:
    """Return the error in an unsuccessful response."""
    message = _message(_object(response.body))
    code, sentence = _sentence(response.status or 0, message, host)
    wait = math.ceil(seconds_to_wait(response)) if response.status == TOO_MANY else 0
    return Problem(code, sentence, message, _header(response, b"x-request-id")[:100], wait)


def in_one_shape(response: UpstreamResponse, problem: Problem) -> UpstreamResponse:
    """Return the response with the error as its body; status and other headers are kept."""
    replaced = {b"content-type", b"content-length", b"content-encoding"}
    kept = [header for header in response.headers if header[0].lower() not in replaced]
    headers = (*kept, (b"Content-Type", b"application/json"))
    return UpstreamResponse(
        response.status, response.reason, headers, json.dumps(problem.as_json()).encode(), readable=True
    )


def seconds_to_wait(response: UpstreamResponse) -> float:
    """Return for how many seconds no further requests may be sent: a request was refused, or none is left."""
    limits = dict(_limits(response))
    exhausted = [name for (what, name), number in limits.items() if what == "remaining" and number <= 0]
    resets = [limits["reset", name] for name in exhausted if ("reset", name) in limits]
    if response.status == TOO_MANY:
        return _seconds_after_refusal(response, resets or [limits[key] for key in limits if key[0] == "reset"])
    return max(resets, default=0.0)


def _seconds_after_refusal(response: UpstreamResponse, resets: list[float]) -> float:
    after = _number(_header(response, b"retry-after"))
    if after is not None:
        return max(1.0, _from_now(after))
    return max(1.0, *resets) if resets else WINDOW


def _sentence(status: int, message: str, host: str) -> tuple[str, str]:
    if found := _FIELD_NEEDED.search(message):
        return "field_required", f"The booking needs the field “{found[1]}”. Give it in booking_fields_responses."
    if "not available" in message and status == 400:  # noqa: PLR2004 - HTTP
        return "slot_not_free", "This slot is not free. Ask for the free slots and choose another one."
    if status == 404 and message.startswith("Cannot "):  # noqa: PLR2004 - HTTP
        return "no_such_address", f"There is no such address at {host}. Check the base URL."
    return _SENTENCES.get(status) or _by_status_class(status, host)


def _by_status_class(status: int, host: str) -> tuple[str, str]:
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP
        return "redirected", f"{host} redirects elsewhere. Enter the address that it leads to as base URL."
    if status >= 500:  # noqa: PLR2004 - HTTP
        return "unavailable", f"Cal.com failed with an error of its own ({status}). Try again later."
    return "not_accepted", f"Cal.com did not accept this ({status})."


def _message(answer: dict[str, Any]) -> str:
    """Return Cal.com's message from `{"error": {"code", "message", "details"}}` or `{"statusCode", "message"}`."""
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
    """Yield the numbers in `X-RateLimit-Remaining-…` and `X-RateLimit-Reset-…`, by that word and the limit's name."""
    for name, value in response.headers:
        found, number = _LIMIT.fullmatch(name.decode("latin-1").lower()), _number(value.decode("latin-1"))
        if found and number is not None:
            yield (found[1], found[2]), _from_now(number) if found[1] == "reset" else number


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,13}", text.strip()) else None


def _from_now(number: float) -> float:
    """Convert to seconds from now; points in time are in seconds or milliseconds."""
    if number < _EPOCH:
        return number
    return max(0.0, (number / 1000 if number > _EPOCH * 1000 else number) - time.time())
