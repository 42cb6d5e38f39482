"""One call of the API: what is sent, what an answer means, and when a call is repeated. Nothing here sends."""

import json
import uuid
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from coffer.errors import ApiError, ApprovalNeeded, CofferError, RateLimited, Unavailable, Unreachable, api_error

VERSION = "0.1.0"
PREFIX = "/api/v1"
LONGEST_WAIT = 60.0
"""Seconds. An answer that asks for a longer pause is given to the caller."""

JSON, EVENTS = "application/json", "text/event-stream"


@dataclass(frozen=True, slots=True)
class Request:
    """A call of the API.

    Attributes:
        path: below `/api/v1`, percent-encoded.
        query: None, empty texts and empty lists are left out.
        body: sent as JSON if it is given.
        text: the body as it is, with its media type, instead of `body`.
        once: whether Coffer is told to do the act a single time, however often the request arrives.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    text: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    once: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of httpx2's `build_request`. Repetitions of a request share its idempotency key."""
        headers = {"Accept": JSON, **self.headers}
        if self.once:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        given: dict[str, Any] = {"method": self.method, "url": PREFIX + self.path, "headers": headers}
        if query := {name: _text(value) for name, value in self.query.items() if value not in (None, "", [])}:
            given["params"] = query
        if self.text is not None:
            given["content"], headers["Content-Type"] = self.text
        elif self.body is not None:
            given["json"] = self.body
        return given


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def is_id(text: str) -> bool:
    """Whether a text is an id and no name."""
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def checked_address(address: str, *, insecure: bool) -> str:
    """Return the address of a Coffer without the slash at its end.

    Raises:
        CofferError: it is no address, or the API key would travel in clear to another host.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise CofferError("The address of Coffer looks like https://coffer.example.com.")
    if parts.scheme == "http" and not insecure and not _is_loopback(parts.hostname):
        raise CofferError(
            f"Over http:// the API key would travel to {parts.hostname} in clear. Use https://, or pass insecure=True."
        )
    return address.rstrip("/").removesuffix(PREFIX)


def headers_of(api_key: str) -> dict[str, str]:
    """Return the headers of every call.

    Raises:
        CofferError: the text is no API key.
    """
    if not api_key.startswith("cof_") or not api_key.isascii() or any(character.isspace() for character in api_key):
        raise CofferError(
            "An API key of Coffer starts with cof_ and has no spaces. Make one on the page Agents and keys."
        )
    return {"Authorization": f"Bearer {api_key}", "User-Agent": f"coffer-client/{VERSION}"}


def answer_of(response: httpx2.Response) -> Any:
    """Return the answer: parsed JSON, text of another media type, or None for 204.

    Raises:
        ApprovalNeeded: a person has to approve the call.
        ApiError: Coffer refused the call, or it failed.
        Unreachable: what answered is not Coffer's API.
    """
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if media_type == "application/problem+json":
        raise api_error(response.status_code, response.json(), retry_after(response))
    if not response.is_success:
        raise Unreachable(
            f"{response.url.host} answered {response.status_code} and is no API of Coffer. Check the address, and "
            "what is in front of Coffer."
        )
    if response.status_code == httpx2.codes.NO_CONTENT:
        return None
    if response.status_code == httpx2.codes.ACCEPTED:
        raise ApprovalNeeded(response.json())
    if media_type.startswith("text/html"):
        raise Unreachable(f"{response.url.host} answered with a page and is no API of Coffer. Check the address.")
    return response.json() if media_type == JSON else response.text


def event_of(lines: list[str]) -> tuple[str, Any]:
    """Return the name and the data of an event, from its lines."""
    fields = {name: value.removeprefix(" ") for name, _, value in (line.partition(":") for line in lines)}
    return fields.get("event", ""), json.loads(fields.get("data", "null"))


def piece_of(data: Mapping[str, str]) -> str | bytes:
    """Return a piece of a streamed answer: a text, or bytes."""
    return data["text"] if "text" in data else b64decode(data["base64"])


def event_error(problem: Mapping[str, Any]) -> ApiError:
    """Return the error for what broke a streamed answer off."""
    return api_error(int(problem["status"]), problem, None)


def retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds that an answer asks to wait, or None."""
    found = response.headers.get("Retry-After", "")
    return float(found) if found.isascii() and found.isdigit() else None


def pause_before_repeating(error: CofferError, request: Request, attempt: int) -> float | None:
    """Return the seconds to wait before a call is repeated; None if it is not.

    A run that may have reached its upstream is never repeated: its error names the run.

    Args:
        attempt: how often the call was made, from 1.
    """
    if isinstance(error, Unreachable):
        return _usual_pause(attempt) if error.__cause__ is not None and _is_repeatable(request) else None
    if not isinstance(error, ApiError) or error.run_id is not None or error.retry_after is None:
        return None
    if isinstance(error, RateLimited) or (isinstance(error, Unavailable) and _is_repeatable(request)):
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return None


def unreachable(address: str, fault: httpx2.TransportError) -> Unreachable:
    """Return the error for a connection that failed."""
    reason = "did not answer in time" if isinstance(fault, httpx2.TimeoutException) else "cannot be reached"
    return Unreachable(f"Coffer at {address} {reason}. Check the address, and that Coffer runs.")


def _usual_pause(attempt: int) -> float:
    return 0.25 * 2.0**attempt


def _is_repeatable(request: Request) -> bool:
    return request.once or request.method in {"GET", "PUT", "DELETE"}


def _text(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
