"""Cal.com: the right version for each call, errors in one shape, and no calls that it does not want."""

import json

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.models import Run, SecretReference
from integrations.readiness.warnings import warnings_for
from integrations.rotation import rotation
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation as values
from tests.peers.calcom import (
    EXPIRED,
    FREE,
    KEY,
    TAKEN,
    CalcomServer,
)
from tests.peers.tls_upstream import Authority
from tests.peers.upstreams import answering, closed_port
from tests.support.integrations.calendars import BOOKING, make_calendar, told
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION


# What works


@pytest.mark.parametrize(
    ("operation", "params", "line", "version", "query", "body"),
    [
        ("me", {}, "GET /v2/me", None, {}, None),
        ("list_event_types", {}, "GET /v2/event-types", "2024-06-14", {}, None),
        (
            "list_event_types",
            {"username": "har bor", "event_slug": "check-up"},
            "GET /v2/event-types",
            "2024-06-14",
            {"username": ["har bor"], "eventSlug": ["check-up"]},
            None,
        ),
        (
            "list_slots",
            {"start": "2026-11-23", "end": "2026-11-24T00:00:00+01:00", "duration_minutes": 30},
            "GET /v2/slots",
            "2024-09-04",
            {
                "eventTypeId": ["42"],
                "start": ["2026-11-23"],
                "end": ["2026-11-23T23:00:00Z"],
                "timeZone": ["Europe/Berlin"],
                "duration": ["30"],
            },
            None,
        ),
        (
            "create_booking",
            {
                "start": "2026-11-23T10:00:00.000+01:00",
                "event_type_id": 7,
                "attendee_name": 'Lena "L"',
                "attendee_phone_number": "+4930123456",
                "guests": ["kim@example.com"],
                "booking_fields": {"title": "Check-up"},
            },
            "POST /v2/bookings",
            "2024-08-13",
            {},
            {
                "start": FREE,
                "eventTypeId": 7,
                "attendee": {"name": 'Lena "L"', "phoneNumber": "+4930123456", "timeZone": "Europe/Berlin"},
                "guests": ["kim@example.com"],
                "bookingFieldsResponses": {"title": "Check-up"},
            },
        ),
        (
            "reschedule_booking",
            {"booking_uid": "abc", "start": FREE, "reason": "ill"},
            "POST /v2/bookings/abc/reschedule",
            "2024-08-13",
            {},
            {"start": FREE, "reschedulingReason": "ill"},
        ),
        ("cancel_booking", {"booking_uid": "abc"}, "POST /v2/bookings/abc/cancel", "2024-08-13", {}, {}),
    ],
)
def test_each_operation_calls_its_endpoint_by_its_version(
    owner, run, server, calendar, operation, params, line, version, query, body
):
    result = run(owner, calendar, S, operation, params)
    (call,) = server.calls
    assert (f"{call.method} {call.path}", call.version, call.query, call.body) == (line, version, query, body)
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert (result.outcome, result.answer.body["status"]) == ("succeeded", "success")
    record = Run.objects.get()
    assert (record.operation, record.outcome, record.host) == (operation, "succeeded", "127.0.0.1")
    assert [used.name for used in record.secrets.all()] == ["calcom.key"]


def test_a_booking_is_made_and_the_request_is_shown_without_its_key(owner, run, calendar):
    result = run(owner, calendar, S, "create_booking", BOOKING)
    assert (result.answer.status, result.answer.body["data"]["uid"]) == (201, "new-uid")
    assert dict(result.request.headers)["Authorization"] == "Bearer ••••••••"
    assert json.loads(result.request.body)["start"] == FREE


@pytest.mark.parametrize("below", ["", "/", "/v2", "/v2/"])
def test_the_address_may_end_in_v2_or_not(owner, run, server, below):
    store_secret(owner, "calcom.key", KEY)
    assert run(owner, make_calendar(owner, server.url + below), S, "me").outcome == "succeeded"


def test_an_address_with_a_prefix_keeps_it(owner, run, server):
    store_secret(owner, "calcom.key", KEY)
    run(owner, make_calendar(owner, f"{server.url}/api"), S, "me")
    assert server.calls[0].path == "/api/v2/me"


def test_the_cloud_is_the_address_unless_there_is_another(owner):
    store_secret(owner, "calcom.key", KEY, allowed_domains=["api.cal.com"])
    calendar = create_integration(
        actor=owner, kind="calcom", name="C", environments=[S], config={"api_key": "{secrets.calcom.key}"}
    )
    assert warnings_for(calendar) == []
    assert list(SecretReference.objects.values_list("slot", "name")) == [("auth.api_key", "calcom.key")]


def test_the_check_tells_whose_key_it_is(server, calendar, checked):
    (step,) = checked(calendar)
    assert step.as_json() == {
        "name": "sign_in",
        "outcome": "passed",
        "code": None,
        "detail": "Cal.com accepted the API key: signed in as harbor.",
    }
    assert [call.path for call in server.calls] == ["/v2/me"]
    assert Run.objects.get().operation == "check"


def test_a_staged_key_is_tried_by_signing_in(owner, server, calendar, inline):
    secret = SecretReference.objects.get().secret
    for key, outcome in (("cal_live_wrong00000000000000", "failed"), ("cal_live_new0000000000000000", "passed")):
        server.keys = {KEY, "cal_live_new0000000000000000"}
        values.stage(actor=owner, secret_id=secret.id, environment=S, value=Plaintext(key))
        _, (reference_check,) = async_to_sync(rotation.check)(owner, secret.id, S)
        assert reference_check.result.outcome == outcome
        assert server.calls[-1].headers["authorization"] == f"Bearer {key}"


def test_operations_that_agents_may_not_use_are_not_there(owner, run, server, calendar):
    config = calendar.config | {"operations": ["list_slots"]}
    update_integration(actor=owner, integration_id=calendar.id, changes=IntegrationChanges(config=config))
    with pytest.raises(Refusal) as refusal:
        run(owner, calendar, S, "cancel_booking", {"booking_uid": "abc"})
    assert (refusal.value.code, server.calls) == ("invalid_arguments", [])
    assert "Operations: me, list_event_types, list_slots." in refusal.value.detail


# What goes wrong at Cal.com


def test_a_wrong_key_is_refused_on_public_endpoints_too(owner, run, server, calendar, checked):
    server.keys = set()
    result = run(owner, calendar, S, "list_slots", {"start": "2026-11-23", "end": "2026-11-24"})
    assert (result.outcome, result.answer.status) == ("upstream_error", 401)
    assert told(result) == (
        "credential_refused",
        "Cal.com refused the API key. Enter a valid one as the value of its secret. Cal.com says: Invalid API Key",
    )
    assert result.answer.body["error"]["request_id"] == "req-7"
    (step,) = checked(calendar)
    assert (step.outcome, step.code, step.detail) == ("failed", "upstream_error", told(result)[1])
    assert [record.outcome for record in Run.objects.order_by("started_at")] == ["upstream_error"] * 2


def test_an_expired_token_is_told_as_such(owner, run, server):
    store_secret(owner, "calcom.key", EXPIRED)
    result = run(owner, make_calendar(owner, server.url), S, "me")
    assert (result.answer.status, told(result)[0]) == (498, "token_expired")


@pytest.mark.parametrize(
    ("params", "code", "sentence"),
    [
        ({"start": TAKEN}, "slot_not_free", "This slot is not free."),
        ({"attendee_name": "Without title"}, "field_required", "The booking needs the field “title”."),
    ],
)
def test_a_booking_that_cannot_be_made_says_why(owner, run, calendar, params, code, sentence):
    result = run(owner, calendar, S, "create_booking", BOOKING | params)
    assert (result.answer.status, told(result)[0]) == (400, code)
    assert told(result)[1].startswith(sentence)


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (
            "500 Internal Server Error",
            b'{"statusCode":500,"message":"Internal server error"}',
            "unavailable",
            "Cal.com failed with an error of its own (500). Try again later. Cal.com says: Internal server error",
        ),
        (
            "400 Bad Request",
            b'{"status":"error","error":{"code":"BAD_REQUEST","message":"x","details":{"message":["a","b"]}}}',
            "not_accepted",
            "Cal.com did not accept this (400). Cal.com says: a; b",
        ),
        (
            "400 Bad Request",
            b'{"status":"error","error":{"code":"BAD_REQUEST","message":"attendee - Required, "}}',
            "not_accepted",
            "Cal.com did not accept this (400). Cal.com says: attendee - Required",
        ),
        (
            "404 Not Found",
            b'{"status":"error","error":{"message":"Booking not found"}}',
            "not_found",
            "Cal.com found no such booking, event type or user for this API key. Cal.com says: Booking not found",
        ),
        (
            "404 Not Found",
            b'{"message":"Cannot GET /v2/me","statusCode":404}',
            "no_such_address",
            "There is no such address at 127.0.0.1. Check the base URL. Cal.com says: Cannot GET /v2/me",
        ),
        ("403 Forbidden", b"<html>", "not_allowed", "The API key may not do this. Use the key of an account that may."),
        (
            "301 Moved Permanently",
            b"",
            "redirected",
            "127.0.0.1 redirects elsewhere. Enter the address that it leads to as base URL.",
        ),
        ("503 Service Unavailable", b"[" * 5000, "unavailable", None),
        ("422 Unprocessable Entity", b'{"error": null, "message": 7}', "not_accepted", None),
    ],
)
def test_every_error_is_answered_in_one_shape(owner, run, server, calendar, status, body, code, message):
    server.say = (status, (), body)
    result = run(owner, calendar, S, "me")
    assert (result.answer.status, result.outcome.value) == (int(status[:3]), "upstream_error")
    assert told(result)[0] == code
    assert message in {None, told(result)[1]}


def test_a_key_that_an_error_repeats_is_masked(owner, run, server, calendar):
    server.say = ("400 Bad Request", (), json.dumps({"message": f"bad key {KEY}"}).encode())
    result = run(owner, calendar, S, "me")
    assert KEY not in json.dumps(result.as_json())
    assert result.answer.masked == ["calcom.key"]


@pytest.mark.parametrize("body", [b"<html>Cal.com</html>", b"[]", b'{"data": 1}', b""])
def test_what_does_not_answer_like_cal_com_is_refused(owner, run, server, calendar, checked, body):
    server.say = ("200 OK", (), body)
    with pytest.raises(Refusal) as refusal:
        run(owner, calendar, S, "me")
    assert refusal.value.code == "response_unreadable"
    assert refusal.value.detail == "127.0.0.1 did not answer like Cal.com's API v2. Check the base URL."
    assert checked(calendar)[0].code == "response_unreadable"
    assert Run.objects.filter(outcome="failed", error_code="response_unreadable").count() == 2


def test_a_server_that_cannot_be_reached_is_told(owner, run):
    store_secret(owner, "calcom.key", KEY)
    with pytest.raises(Refusal) as refusal:
        run(owner, make_calendar(owner, f"http://127.0.0.1:{closed_port()}"), S, "me")
    assert refusal.value.code == "upstream_unreachable"
    assert Run.objects.get().error_code == "upstream_unreachable"


def test_a_certificate_of_another_name_is_told(owner, run, checked, tmp_path, monkeypatch):
    authority, server = Authority.make(), CalcomServer()
    monkeypatch.setattr("integrations.egress.configuration.ssl_context", authority.trusting)
    store_secret(owner, "calcom.key", KEY)
    with answering(server.respond, tls=authority.serving("localhost", tmp_path)) as url:
        named = make_calendar(owner, url.replace("127.0.0.1", "localhost"))
        assert run(owner, named, S, "me").outcome == "succeeded"
        update_integration(
            actor=owner, integration_id=named.id, changes=IntegrationChanges(config=named.config | {"base_url": url})
        )
        with pytest.raises(Refusal) as refusal:
            run(owner, named, S, "me")
        assert refusal.value.code == "upstream_tls"
        assert checked(named)[0].code == "upstream_tls"
    assert (len(server.calls), Run.objects.filter(error_code="upstream_tls").count()) == (1, 2)
