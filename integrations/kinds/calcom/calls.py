"""The requests of Cal.com's API v2 and the exchanges that make them.

Each endpoint states its own `cal-api-version`: without one Cal.com silently responds as in 2024, and with a wrong one
it returns 404.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from accounts.errors import FieldError
from integrations.egress.destinations import parse_url
from integrations.exchange.exchange import FAILED, PASSED, Channel, Exchange, Step, steps_response
from integrations.exchange.messages import Pair, PreviewRequest, RequestTemplate, UpstreamResponse, preview, render
from integrations.kinds.calcom.responses import TOO_MANY, Problem, data_of, in_one_shape, problem_of, seconds_to_wait
from integrations.templating.json_body import JsonBody
from integrations.templating.placeholders import ParamPlaceholder, Template, parse
from secrets_app.plaintext import Plaintext

EVENT_TYPES, SLOTS, BOOKINGS = "2024-06-14", "2024-09-04", "2024-08-13"
"""The API versions of Cal.com's endpoints."""

TIMES = ("start", "end")
"""Parameters that are points in time; Cal.com requires UTC."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_OFFSET = "Add a time zone: end the time with Z or an offset, such as 2026-11-23T09:20:00+01:00."
_NO_TIME = "Enter a time such as 2026-11-23T09:20:00Z."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the API.

    Attributes:
        query: names of query parameters, each with the name of its argument.
        body: names of fields of the JSON body, each with the name of its argument; None without a body.
    """

    method: str
    path: str
    version: str = ""
    query: tuple[tuple[str, str], ...] = ()
    body: tuple[tuple[str, str], ...] | None = None


ME = Endpoint("GET", "/me")
ENDPOINTS = {
    "me": ME,
    "list_event_types": Endpoint(
        "GET", "/event-types", EVENT_TYPES, (("username", "username"), ("eventSlug", "event_slug"))
    ),
    "list_slots": Endpoint(
        "GET",
        "/slots",
        SLOTS,
        (
            ("eventTypeId", "event_type_id"),
            ("start", "start"),
            ("end", "end"),
            ("timeZone", "time_zone"),
            ("duration", "duration_minutes"),
            ("bookingUidToReschedule", "booking_uid_to_reschedule"),
        ),
    ),
    "create_booking": Endpoint(
        "POST",
        "/bookings",
        BOOKINGS,
        body=(
            ("start", "start"),
            ("eventTypeId", "event_type_id"),
            ("attendee.name", "attendee_name"),
            ("attendee.email", "attendee_email"),
            ("attendee.phoneNumber", "attendee_phone_number"),
            ("attendee.timeZone", "time_zone"),
            ("attendee.language", "attendee_language"),
            ("lengthInMinutes", "duration_minutes"),
            ("guests", "guests"),
            ("bookingFieldsResponses", "booking_fields"),
            ("metadata", "metadata"),
        ),
    ),
    "reschedule_booking": Endpoint(
        "POST",
        "/bookings/{params.booking_uid}/reschedule",
        BOOKINGS,
        body=(("start", "start"), ("reschedulingReason", "reason")),
    ),
    "cancel_booking": Endpoint(
        "POST", "/bookings/{params.booking_uid}/cancel", BOOKINGS, body=(("cancellationReason", "reason"),)
    ),
}


@dataclass(frozen=True, slots=True)
class CalcomCall(Exchange):
    """One request.

    Attributes:
        base_url: the address of the API, including `/v2`.
    """

    base_url: str
    api_key: Template
    endpoint: Endpoint

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in the API key."""
        return self.api_key.secret_names

    @property
    def summary(self) -> str:
        """The method and path."""
        return f"{self.endpoint.method} {self.endpoint.path}"

    @property
    def host(self) -> str:
        """The host of the API, for messages."""
        return parse_url(self.base_url).raw_host or ""

    def problems(self, params: Mapping[str, object]) -> list[FieldError]:
        """Return invalid times, and a booking without e-mail address and phone number."""
        found = [*_bad_times(params, days=self.endpoint.body is None)]
        if self.endpoint is ENDPOINTS["create_booking"] and not {"attendee_email", "attendee_phone_number"} & set(
            params
        ):
            found.append(FieldError("params.attendee_email", "Give an e-mail address or a phone number."))
        return found

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Send the request. Error responses are converted to one format."""
        response = await self.send(channel, secrets, params)
        if not response.is_success:
            return in_one_shape(response, problem_of(response, self.host))
        data_of(response, self.host)
        return response

    async def send(
        self, channel: Channel, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Send the request and return Cal.com's unchanged response."""
        arguments = in_utc(params)
        return await channel.http(
            render(self.request(arguments), secrets=secrets, params=arguments), seconds_to_wait=seconds_to_wait
        )

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """Return the request with the key masked."""
        arguments = in_utc(params)
        return preview(self.request(arguments), params=arguments)

    def request(self, arguments: Mapping[str, object]) -> RequestTemplate:
        """Return the request template for these arguments. Arguments that are not given are not sent."""
        version = [Pair("cal-api-version", parse(self.endpoint.version))] if self.endpoint.version else []
        return RequestTemplate(
            method=self.endpoint.method,
            base_url=self.base_url,
            path=parse(self.endpoint.path),
            query=tuple(Pair(name, _argument(param)) for name, param in self.endpoint.query if param in arguments),
            headers=(
                Pair("Accept", parse("application/json")),
                Pair("Authorization", parse(f"Bearer {self.api_key.source}")),
                *version,
            ),
            body=_body(self.endpoint.body, arguments),
        )


@dataclass(frozen=True, slots=True)
class SignIn(Exchange):
    """The check: asks Cal.com whom the API key belongs to. Other read requests also work without a valid key."""

    call: CalcomCall
    reports_steps: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in the API key."""
        return self.call.secret_names

    @property
    def summary(self) -> str:
        """The method and path."""
        return self.call.summary

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Return one step: the account of the key, or why it was refused."""
        response = await self.call.send(channel, secrets, params)
        if not response.is_success:
            return steps_response([_failed(response, problem_of(response, self.call.host))])
        account = data_of(response, self.call.host)
        name = account.get("username") or account.get("email") if isinstance(account, dict) else None
        whose = f"signed in as {name}." if isinstance(name, str) else "it is valid."
        return steps_response([Step("sign_in", PASSED, None, f"Cal.com accepted the API key: {whose}")])


def in_utc(params: Mapping[str, object]) -> dict[str, object]:
    """Convert points in time to UTC. Whole days are kept. The arguments have no `problems`."""
    return {
        name: _utc(value) if name in TIMES and isinstance(value, str) and not _DAY.fullmatch(value) else value
        for name, value in params.items()
    }


def _failed(response: UpstreamResponse, problem: Problem) -> Step:
    code = problem.code if response.status == TOO_MANY else "upstream_error"
    return Step("sign_in", FAILED, code, problem.message)


def _bad_times(params: Mapping[str, object], *, days: bool) -> Iterator[FieldError]:
    """Yield an error for each invalid time.

    Args:
        days: whether a whole day is accepted.
    """
    for name in TIMES:
        value = params.get(name)
        if not isinstance(value, str):
            continue
        try:
            date.fromisoformat(value) if days and _DAY.fullmatch(value) else _utc(value)
        except (ValueError, OverflowError):
            yield FieldError(f"params.{name}", _NO_TIME)
        except LookupError:
            yield FieldError(f"params.{name}", _NO_OFFSET)


def _utc(text: str) -> str:
    """Convert a time to UTC.

    Raises:
        ValueError, OverflowError: the text is not a time.
        LookupError: the time has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise LookupError
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _argument(name: str) -> Template:
    return Template((ParamPlaceholder(name),))


def _body(fields: tuple[tuple[str, str], ...] | None, arguments: Mapping[str, object]) -> JsonBody | None:
    if fields is None:
        return None
    tree: dict[str, Any] = {}
    for name, param in fields:
        if param in arguments:
            *way, last = name.split(".")
            place = tree
            for step in way:
                place = place.setdefault(step, {})
            place[last] = _argument(param)
    return JsonBody(tree)
