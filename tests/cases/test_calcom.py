"""Cal.com: cases of public bug reports, through the API against a peer that keeps what arrived."""

from itertools import count

import pytest

from tests.peers.calcom import FREE, KEY, calcom_server
from tests.support.things import store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("inline")]

SLOTS = {"start": "2026-11-23", "end": "2026-11-23"}
BOOKING = {"start": FREE, "attendee_name": "Lena", "attendee_email": "lena@example.com", "time_zone": "Europe/Berlin"}
BERLIN = {"name": "Lena", "email": "lena@example.com", "timeZone": "Europe/Berlin"}


@pytest.fixture
def server():
    with calcom_server() as found:
        yield found


@pytest.fixture
def call(caller, owner, server):
    """Runs an operation of a new integration with this configuration."""
    store_secret(owner, "calcom.key", KEY)
    numbers = count()

    def run(operation, params, **config):
        body = {"base_url": server.url, "api_key": "{secrets.calcom.key}", **config}
        created = caller.post(
            "/integrations",
            {"kind": "calcom", "name": f"Case {next(numbers)}", "environments": ["staging"], "config": body},
        )
        sent = {"environment": "staging", "operation": operation, "params": params}
        return caller.call("POST", f"/integrations/{created['id']}/run", sent).json()

    return run


SENT = {
    "K07-phone-alone": (
        "create_booking",
        {"start": FREE, "event_type_id": 7, "attendee_name": "L", "attendee_phone_number": "+4930", "time_zone": "utc"},
        {"start": FREE, "eventTypeId": 7, "attendee": {"name": "L", "phoneNumber": "+4930", "timeZone": "UTC"}},
    ),
    "K08-move-a-seat": (
        "reschedule_booking",
        {"booking_uid": "b", "start": FREE, "seat_uid": "s-1"},
        {"start": FREE, "seatUid": "s-1"},
    ),
    "K08-cancel-a-seat": ("cancel_booking", {"booking_uid": "b", "seat_uid": "s-1"}, {"seatUid": "s-1"}),
    "K08-everything-of-a-booking": (
        "create_booking",
        BOOKING
        | {
            "event_type_slug": "check-up",
            "team_slug": "dentists",
            "organization_slug": "harbor",
            "attendee_language": "de",
            "guests": ["kim@example.com"],
            "location": {"type": "attendeePhone", "phone": "+4930"},
            "metadata": {"call": "17"},
            "booking_fields_responses": {"title": "Check-up", "rooms": [1, 2]},
        },
        {
            "start": FREE,
            "eventTypeSlug": "check-up",
            "teamSlug": "dentists",
            "organizationSlug": "harbor",
            "attendee": BERLIN | {"language": "de"},
            "guests": ["kim@example.com"],
            "location": {"type": "attendeePhone", "phone": "+4930"},
            "metadata": {"call": "17"},
            "bookingFieldsResponses": {"title": "Check-up", "rooms": [1, 2]},
        },
    ),
    "K08-location-as-text-and-former-name": (
        "create_booking",
        BOOKING | {"event_type_id": 7, "location": "https://meet.example/1", "booking_fields": {"title": "x"}},
        {
            "start": FREE,
            "eventTypeId": 7,
            "attendee": BERLIN,
            "location": "https://meet.example/1",
            "bookingFieldsResponses": {"title": "x"},
        },
    ),
    "K08-slug-and-user": (
        "create_booking",
        BOOKING | {"event_type_slug": "check-up", "username": "lena"},
        {"start": FREE, "eventTypeSlug": "check-up", "username": "lena", "attendee": BERLIN},
    ),
}


@pytest.mark.parametrize(("operation", "params", "expected"), SENT.values(), ids=SENT)
def test_what_a_booking_sends(call, server, operation, params, expected):
    assert call(operation, params)["outcome"] == "succeeded"
    assert (server.calls[0].version, server.calls[0].body) == ("2024-08-13", expected)


def test_k08_a_slug_takes_the_place_of_the_integrations_event_type(call, server):
    params = SLOTS | {"event_type_slug": "check-up", "team_slug": "dentists"}
    assert call("list_slots", params, event_type_id=42)["outcome"] == "succeeded"
    asked = {"eventTypeSlug": ["check-up"], "teamSlug": ["dentists"], "start": ["2026-11-23"], "end": ["2026-11-23"]}
    assert (server.calls[0].version, server.calls[0].query) == ("2024-09-04", asked)


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/api/v2", "/", ""], ids="K01-K13-{}".format)
def test_each_way_to_write_the_base_url_leads_to_one_path(call, server, path):
    call("list_slots", SLOTS, event_type_id=42, base_url=f"{server.url}{path}")
    call("create_booking", BOOKING, event_type_id=42, base_url=f"{server.url}{path}")
    below = "/api" if path == "/api/v2" else ""
    assert [(each.path, each.version) for each in server.calls] == [
        (f"{below}/v2/slots", "2024-09-04"),
        (f"{below}/v2/bookings", "2024-08-13"),
    ]


def test_k11_no_slots_on_one_day(call, server):
    server.say = ("200 OK", (), b'{"status":"success","data":{}}')
    assert call("list_slots", SLOTS | {"event_type_id": 7})["body"]["data"] == {}
    assert (server.calls[0].query["start"], server.calls[0].query["end"]) == (["2026-11-23"], ["2026-11-23"])


ZONES = {
    "europe/london": "Europe/London",
    "AMERICA/NEW_YORK": "America/New_York",
    "utc": "UTC",
    "etc/gmt-2": "Etc/GMT-2",
}


@pytest.mark.parametrize(("written", "zone"), ZONES.items(), ids=[f"K04-{written}" for written in ZONES])
def test_a_zone_in_another_case_is_sent_as_the_list_spells_it(call, server, written, zone):
    call("list_slots", SLOTS | {"event_type_id": 7, "time_zone": written})
    call("create_booking", BOOKING | {"event_type_id": 7, "time_zone": written})
    call("list_slots", SLOTS | {"event_type_id": 7}, time_zone=written)
    assert server.calls[0].query["timeZone"] == server.calls[2].query["timeZone"] == [zone]
    assert server.calls[1].body["attendee"]["timeZone"] == zone


NO_ZONES = {
    "GMT+2": "Etc/GMT-2",
    "utc-05:00": "Etc/GMT+5",
    "+0200": "Etc/GMT-2",
    "UTC+0": "or UTC",
    "GMT+5:30": "Use a zone with a name",
    "Berlin": "Europe/Berlin",
    "America/New York": "America/New_York",
    "Europe/Berlim": "Europe/Berlin",
    "Europe/Berlin ": "Europe/Berlin",
    "CEST-Zeit": "such as Europe/Berlin",
    "localtime": "such as Europe/Berlin",
}


@pytest.mark.parametrize(("written", "proposal"), NO_ZONES.items(), ids=[f"K04-{written}" for written in NO_ZONES])
def test_what_is_no_zone_is_refused_with_a_proposal(call, caller, server, written, proposal):
    for operation, params in (("list_slots", SLOTS), ("create_booking", BOOKING)):
        refused = call(operation, params | {"event_type_id": 7, "time_zone": written})
        (error,) = refused["errors"]
        assert (refused["code"], error["field"]) == ("invalid_arguments", "params.time_zone")
        assert proposal in error["message"]
    config = {"api_key": "{secrets.calcom.key}", "time_zone": written}
    created = {"kind": "calcom", "name": "No", "environments": ["staging"], "config": config}
    (error,) = caller.call("POST", "/integrations", created).json()["errors"]
    assert (error["field"], proposal in error["message"]) == ("config.time_zone", True)
    assert server.calls == []


REFUSED = {
    "K05-no-offset": (SLOTS | {"event_type_id": 7, "start": "2026-06-22T20:00:00.000"}, "params.start"),
    "K08-no-event-type": (SLOTS, "params.event_type_id"),
    "K08-slug-alone": (SLOTS | {"event_type_slug": "x"}, "params.event_type_slug"),
    "K08-slug-of-two": (SLOTS | {"event_type_slug": "x", "username": "a", "team_slug": "b"}, "params.event_type_slug"),
    "K08-id-and-slug": (
        SLOTS | {"event_type_id": 7, "event_type_slug": "x", "username": "a"}, "params.event_type_slug"
    ),
    "K08-user-without-slug": (SLOTS | {"event_type_id": 7, "username": "a"}, "params.username"),
    "K08-organization-alone": (SLOTS | {"event_type_id": 7, "organization_slug": "a"}, "params.organization_slug"),
}  # fmt: skip


@pytest.mark.parametrize(("params", "field"), REFUSED.values(), ids=REFUSED)
def test_arguments_that_do_not_go_together(call, server, params, field):
    refused = call("list_slots", params)
    assert [error["field"] for error in refused["errors"]] == [field]
    assert server.calls == []


def test_k08_fields_under_both_names(call, server):
    fields = {"booking_fields": {"a": 1}, "booking_fields_responses": {"a": 1}}
    refused = call("create_booking", BOOKING | {"event_type_id": 7} | fields)
    assert [error["field"] for error in refused["errors"]] == ["params.booking_fields"]
