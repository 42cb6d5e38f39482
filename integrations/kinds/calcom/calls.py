"""The calls of Cal.com's API v2: their paths, versions and fields, and the exchanges that make them.

Owns: which `cal-api-version` each call needs. Without one Cal.com silently answers as of 2024, with a wrong one it
says 404, so each endpoint states its own.
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
from integrations.kinds.calcom.answers import TOO_MANY, Complaint, complaint_of, data_of, in_one_shape, seconds_to_wait
from integrations.templating.json_body import JsonBody
from integrations.templating.placeholders import ParamPlaceholder, Template, parse
from secrets_app.plaintext import Plaintext

EVENT_TYPES, CONCURRENT_CALLS, BOOKINGS = "2024-06-14", "2024-09-04", "2024-08-13"
"""The versions that Cal.com's endpoints are called by."""

TIMES = ("start", "end")
"""Parameters that are points in time; Cal.com wants them in UTC."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_OFFSET = "Say which time this is: end it with Z or an offset, such as 2026-11-23T09:20:00+01:00."
_NO_TIME = "Write a time like 2026-11-23T09:20:00Z."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; `query` and `body` say which parameter is called what there. What is not given is not sent."""

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
        CONCURRENT_CALLS,
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
    """One call. `base_url` is that of the API, its `/v2` included."""

    base_url: str
    api_key: Template
    endpoint: Endpoint

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of the API key."""
        return self.api_key.secret_names

    @property
    def summary(self) -> str:
        """Method and path."""
        return f"{self.endpoint.method} {self.endpoint.path}"

    @property
    def host(self) -> str:
        """Who is called, for messages."""
        return parse_url(self.base_url).raw_host or ""

    def problems(self, params: Mapping[str, object]) -> list[FieldError]:
        """Times that are none, and a booking of somebody who cannot be reached."""
        found = [*_bad_times(params, days=self.endpoint.body is None)]
        if self.endpoint is ENDPOINTS["create_booking"] and not {"attendee_email", "attendee_phone_number"} & set(
            params
        ):
            found.append(FieldError("params.attendee_email", "Give an e-mail address or a phone number."))
        return found

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Make the call; an error is answered in one shape, whichever of its own Cal.com chose."""
        response = await self.ask(channel, secrets, params)
        if not response.is_success:
            return in_one_shape(response, complaint_of(response, self.host))
        data_of(response, self.host)
        return response

    async def ask(
        self, channel: Channel, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Cal.com's own answer."""
        arguments = in_utc(params)
        return await channel.http(
            render(self.request(arguments), secrets=secrets, params=arguments), seconds_to_wait=seconds_to_wait
        )

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """The request with the key masked."""
        arguments = in_utc(params)
        return preview(self.request(arguments), params=arguments)

    def request(self, arguments: Mapping[str, object]) -> RequestTemplate:
        """The request that sends these arguments."""
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
    """Asking Cal.com whose key it is: the one call that a wrong key cannot pass."""

    call: CalcomCall
    reports_steps: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of the API key."""
        return self.call.secret_names

    @property
    def summary(self) -> str:
        """Method and path."""
        return self.call.summary

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """One step: whose key it is, or why it was not accepted."""
        response = await self.call.ask(channel, secrets, params)
        if not response.is_success:
            return steps_response([_failed(response, complaint_of(response, self.call.host))])
        account = data_of(response, self.call.host)
        name = account.get("username") or account.get("email") if isinstance(account, dict) else None
        whose = f"signed in as {name}." if isinstance(name, str) else "it is valid."
        return steps_response([Step("sign_in", PASSED, None, f"Cal.com accepted the API key: {whose}")])


def in_utc(params: Mapping[str, object]) -> dict[str, object]:
    """The arguments with points in time as Cal.com takes them; whole days stay days. They have no `problems`."""
    return {
        name: _utc(value) if name in TIMES and isinstance(value, str) and not _DAY.fullmatch(value) else value
        for name, value in params.items()
    }


def _failed(response: UpstreamResponse, complaint: Complaint) -> Step:
    code = complaint.code if response.status == TOO_MANY else "upstream_error"
    return Step("sign_in", FAILED, code, complaint.message)


def _bad_times(params: Mapping[str, object], *, days: bool) -> Iterator[FieldError]:
    """`days` says whether a whole day will do."""
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
    """Raises ValueError for what is no time, LookupError for one that could be any."""
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
