"""The requests of Cal.com's API v2 and the exchanges that make them.

Each endpoint states its own `cal-api-version`: without one Cal.com silently responds as in 2024, and with a wrong one
it returns 404.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from accounts.errors import FieldError
from integrations.egress.destinations import parse_url
from integrations.exchange.channels import Channel
from integrations.exchange.exchange import Exchange
from integrations.exchange.messages import Pair, PreviewRequest, RequestTemplate, UpstreamResponse, preview, render
from integrations.exchange.steps import FAILED, PASSED, Step, steps_response
from integrations.kinds.calcom.arguments import (
    problems_with_event_type,
    problems_with_fields,
    problems_with_times,
    sendable,
)
from integrations.kinds.calcom.responses import TOO_MANY, Problem, data_of, in_one_shape, problem_of, seconds_to_wait
from integrations.templating.json_body import JsonBody
from integrations.templating.placeholders import ParamPlaceholder, Template, parse
from secrets_app.plaintext import Plaintext

EVENT_TYPES, SLOTS, BOOKINGS = "2024-06-14", "2024-09-04", "2024-08-13"
"""The API versions of Cal.com's endpoints."""


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


EVENT_TYPE = (
    ("eventTypeId", "event_type_id"),
    ("eventTypeSlug", "event_type_slug"),
    ("username", "username"),
    ("teamSlug", "team_slug"),
    ("organizationSlug", "organization_slug"),
)
"""The fields that say which event type is meant: its id, or its slug and whose it is."""
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
            *EVENT_TYPE,
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
            *EVENT_TYPE,
            ("attendee.name", "attendee_name"),
            ("attendee.email", "attendee_email"),
            ("attendee.phoneNumber", "attendee_phone_number"),
            ("attendee.timeZone", "time_zone"),
            ("attendee.language", "attendee_language"),
            ("lengthInMinutes", "duration_minutes"),
            ("guests", "guests"),
            ("location", "location"),
            ("bookingFieldsResponses", "booking_fields"),
            ("bookingFieldsResponses", "booking_fields_responses"),
            ("metadata", "metadata"),
        ),
    ),
    "reschedule_booking": Endpoint(
        "POST",
        "/bookings/{params.booking_uid}/reschedule",
        BOOKINGS,
        body=(("start", "start"), ("reschedulingReason", "reason"), ("seatUid", "seat_uid")),
    ),
    "cancel_booking": Endpoint(
        "POST",
        "/bookings/{params.booking_uid}/cancel",
        BOOKINGS,
        body=(("cancellationReason", "reason"), ("seatUid", "seat_uid")),
    ),
}


@dataclass(frozen=True, slots=True)
class CalcomCall(Exchange):
    """One request.

    Attributes:
        base_url: the address of the API, including `/v2`.
        own_event_type: the event type of the integration, which is meant unless an argument names another one.
    """

    base_url: str
    api_key: Template
    endpoint: Endpoint
    own_event_type: int | None = None

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in the API key."""
        return self.api_key.secret_names

    @property
    def requests(self) -> tuple[RequestTemplate, ...]:
        """The request without arguments."""
        return (self.request({}),)

    @property
    def summary(self) -> str:
        """The method and path."""
        return f"{self.endpoint.method} {self.endpoint.path}"

    @property
    def host(self) -> str:
        """The host of the API, for messages."""
        return parse_url(self.base_url).raw_host or ""

    def problems(self, params: Mapping[str, object]) -> list[FieldError]:
        """Return what is wrong with the arguments beyond their types."""
        found = [*problems_with_times(params, days=self.endpoint.body is None)]
        if self.endpoint in (ENDPOINTS["list_slots"], ENDPOINTS["create_booking"]):
            found += problems_with_event_type(params, self.own_event_type)
        if self.endpoint is ENDPOINTS["create_booking"]:
            found += problems_with_fields(params)
        return found

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Send the request. Error responses are converted to one format."""
        response = await self.send(channel, secrets, params)
        if not response.is_success:
            return in_one_shape(response, problem_of(response, self.host))
        if response.body or self.endpoint.body is None:
            data_of(response, self.host)
        return response

    async def send(
        self, channel: Channel, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Send the request and return Cal.com's unchanged response."""
        arguments = sendable(params)
        changes = self.endpoint.body is not None
        request = render(self.request(arguments), secrets=secrets, params=arguments, needs_body=not changes)
        return await channel.http(request, seconds_to_wait=seconds_to_wait)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """Return the request with the key masked."""
        arguments = sendable(params)
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


def _failed(response: UpstreamResponse, problem: Problem) -> Step:
    code = problem.code if response.status == TOO_MANY else "upstream_error"
    return Step("sign_in", FAILED, code, problem.message)


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
