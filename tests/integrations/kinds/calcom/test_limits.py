"""How calls to Cal.com are paced, and what is refused before anything is opened."""

import asyncio
import time

import pytest

from accounts.common.environments import Environment
from accounts.errors import Invalid, RateLimited, Refusal
from integrations.broker.memory import back_off
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.models import Run
from integrations.readiness.warnings import warnings_for
from tests.peers.calcom import FREE, KEY
from tests.support.databases.undone import failures
from tests.support.integrations.calendars import BOOKING, make_calendar, told
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db
S, P = Environment.STAGING, Environment.PRODUCTION


# Limits


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("X-RateLimit-Remaining-Default: 0", "X-RateLimit-Reset-Default: 37"), 37),
        (("Retry-After: 12", "X-RateLimit-Reset-Default: 37"), 12),
        (("X-RateLimit-Reset-Default: 37",), 37),
        ((), 60),
        (("X-RateLimit-Limit-Default: 120", "X-RateLimit-Remaining-Default: 9" + "9" * 12), 60),
        (("Retry-After: soon",), 60),
    ],
)
def test_after_a_refusal_nothing_is_sent_until_cal_com_wants_it(owner, run, server, calendar, clock, headers, seconds):
    server.say = ("429 Too Many Requests", headers, b'{"statusCode":429,"message":"ThrottlerException"}')
    first = run(owner, calendar, S, "me")
    assert (first.outcome, first.answer.status) == ("upstream_error", 429)
    assert first.answer.body["error"]["retry_after_seconds"] == seconds
    assert f"Try again in {seconds} s." in told(first)[1]
    clock[0] += seconds - 2
    with pytest.raises(RateLimited) as refusal:
        run(owner, calendar, S, "me")
    assert refusal.value.members["retry_after_seconds"] == 2
    record = Run.objects.latest("started_at")
    assert (len(server.calls), record.outcome, record.error_code) == (1, "refused", "rate_limited")
    server.say = None
    clock[0] += 2
    assert run(owner, calendar, S, "me").outcome == "succeeded"


def test_the_last_call_of_a_window_is_followed_by_a_pause(owner, run, server, calendar, checked):
    server.limits = ("X-RateLimit-Remaining-Default: 0", "X-RateLimit-Reset-Default: 5")
    assert run(owner, calendar, S, "me").outcome == "succeeded"
    (step,) = checked(calendar)
    assert (step.outcome, step.code) == ("failed", "rate_limited")
    assert step.detail == "127.0.0.1 accepts no more calls with this credential for now. Try again in 5 s."
    assert len(server.calls) == 1


def test_a_pause_counts_for_one_key_of_one_organization(owner, outsider, run, server, calendar):
    server.say = ("429 Too Many Requests", (), b"{}")
    run(owner, calendar, S, "me")
    server.say = None
    store_secret(outsider, "calcom.key", KEY)
    assert run(outsider, make_calendar(outsider, server.url), S, "me").outcome == "succeeded"
    store_secret(owner, "other.key", KEY)
    changes = IntegrationChanges(config=calendar.config | {"api_key": "{secrets.other.key}"})
    update_integration(actor=owner, integration_id=calendar.id, changes=changes)
    assert run(owner, calendar, S, "me").outcome == "succeeded"


def test_a_reset_may_be_a_point_in_time(owner, run, server, calendar):
    for reset in (time.time() + 30, (time.time() + 30) * 1000):
        server.say = ("429 Too Many Requests", (f"X-RateLimit-Reset-Default: {reset:.0f}",), b"{}")
        wait = run(owner, calendar, S, "me").answer.body["error"]["retry_after_seconds"]
        assert 28 <= wait <= 31
        calendar = make_calendar_again(owner, server, reset)


def make_calendar_again(owner, server, reset):
    """One with a key that was not told to wait."""
    name = f"key.{reset:.0f}"
    store_secret(owner, name, KEY)
    return create_integration(
        actor=owner,
        kind="calcom",
        name=name,
        environments=[S],
        config={"base_url": server.url, "api_key": f"{{secrets.{name}}}"},
    )


def test_pauses_end_and_are_not_kept_for_ever():
    now = [0.0]
    kept = back_off.BackOff(clock=lambda: now[0])
    kept.note("long", 10**9)
    now[0] = back_off.LONGEST
    kept.refuse("long", "h")
    for number in range(back_off.MAX_KEPT + 1):
        kept.note(number, 60)
    kept.refuse(0, "h")
    with pytest.raises(RateLimited):
        kept.refuse(1, "h")


# What is refused before anything is opened


UNFIT = [
    ("create_booking", {"start": FREE, "attendee_name": "Lena"}, ["params.attendee_email"]),
    ("create_booking", BOOKING | {"start": "2026-11-23T10:00:00"}, ["params.start"]),
    ("create_booking", BOOKING | {"start": "2026-11-23"}, ["params.start"]),
    ("create_booking", BOOKING | {"start": "tomorrow"}, ["params.start"]),
    ("create_booking", BOOKING | {"start": "0001-01-01T00:00:00+14:00"}, ["params.start"]),
    ("create_booking", BOOKING | {"event_type_id": "42"}, ["params.event_type_id"]),
    ("create_booking", BOOKING | {"colour": "red"}, ["params.colour"]),
    ("list_slots", {"start": "2026-13-01", "end": "2026-11-24"}, ["params.start"]),
    ("list_slots", {"start": "2026-11-23"}, ["params.end"]),
    ("reschedule_booking", {"start": FREE}, ["params.booking_uid"]),
    ("cancel_booking", {"booking_uid": ""}, ["params.booking_uid"]),
]


def test_arguments_that_do_not_fit_are_refused(owner, run, server, calendar):
    def attempt(case):
        operation, params, fields = UNFIT[case]
        with pytest.raises(Refusal) as refusal:
            run(owner, calendar, S, operation, params)
        assert refusal.value.code == "invalid_arguments"
        assert [error.field for error in refusal.value.errors] == fields
        assert (server.calls, Run.objects.get().outcome) == ([], "refused")

    assert failures(range(len(UNFIT)), attempt) == {}


def test_a_uid_stays_in_its_part_of_the_path(owner, run, server, calendar):
    with pytest.raises(Refusal) as refusal:
        run(owner, calendar, S, "cancel_booking", {"booking_uid": "../../me"})
    assert refusal.value.code == "invalid_path_value"
    server.say = ("200 OK", (), b'{"status":"success"}')
    run(owner, calendar, S, "cancel_booking", {"booking_uid": "a/b?c"})
    assert server.calls[0].path == "/v2/bookings/a%2Fb%3Fc/cancel"


def test_without_defaults_agents_say_which_event_type(owner):
    config = {"api_key": "{secrets.calcom.key}"}
    calendar = create_integration(actor=owner, kind="calcom", name="C", environments=[S], config=config)
    from integrations.kinds import KINDS

    kind = KINDS["calcom"]
    operations = {found.name: found for found in kind.operations(kind.parse_config(calendar.config))}
    assert operations["list_slots"].parameters["required"] == ["start", "end"]
    assert "time_zone" in operations["create_booking"].parameters["required"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"base_url": "https://{secrets.x}.example.com"}, "config.base_url"),
        ({"base_url": "ftp://api.cal.com"}, "config.base_url"),
        ({"base_url": "https://api.cal.com?x=1"}, "config.base_url"),
        ({"api_key": ""}, "config.api_key"),
        ({"api_key": "{params.key}"}, "config.api_key"),
        ({"api_key": "Bearer {secrets.calcom.key}"}, "config.api_key"),
        ({"api_key": "{{secrets.calcom.key}}"}, "config.api_key"),
        ({"api_key": "ключ"}, "config.api_key"),
        ({"event_type_id": "42"}, "config.event_type_id"),
        ({"event_type_id": 0}, "config.event_type_id"),
        ({"event_type_id": 1.5}, "config.event_type_id"),
        ({"time_zone": "Berlin"}, "config.time_zone"),
        ({"time_zone": "../../etc/passwd"}, "config.time_zone"),
        ({"operations": ["delete_everything"]}, "config.operations[0]"),
        ({"api_version": "2024-08-13"}, "config.api_version"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(owner, config, field):
    with pytest.raises(Invalid) as refusal:
        make_calendar(owner, "https://api.cal.com", **config) if "base_url" not in config else create_integration(
            actor=owner, kind="calcom", name="C", config={"api_key": "{secrets.calcom.key}", **config}
        )
    assert [error.field for error in refusal.value.errors] == [field]


def test_a_key_that_may_not_go_to_this_server_is_not_opened(owner, run, server):
    store_secret(owner, "calcom.key", KEY, allowed_domains=["api.cal.com"])
    calendar = make_calendar(owner, server.url)
    assert [warning.code for warning in warnings_for(calendar)] == ["domain_not_allowed"]
    with pytest.raises(Refusal) as refusal:
        run(owner, calendar, S, "me")
    assert (refusal.value.code, server.calls) == ("domain_not_allowed", [])


def test_a_missing_key_is_told_before_anything_is_called(owner, run, server):
    store_secret(owner, "calcom.key", KEY, environments=[P])
    with pytest.raises(Refusal) as refusal:
        run(owner, make_calendar(owner, server.url), S, "me")
    assert (refusal.value.code, server.calls) == ("secret_missing", [])


def test_the_stub_is_as_strict_as_cal_com(server):
    """A wrong version is a 404, a key without Bearer a 500 in the other shape."""
    from integrations.egress.configuration import ssl_context
    from integrations.egress.policy import EgressPolicy
    from integrations.exchange.messages import Pair, RequestTemplate, render
    from integrations.templating.placeholders import parse
    from integrations.transport import client

    def ask(path, **headers):
        pairs = tuple(Pair(name.replace("_", "-"), parse(value)) for name, value in headers.items())
        template = RequestTemplate("GET", server.url, parse(path), headers=pairs)
        request = render(template, secrets={}, params={})
        policy = EgressPolicy.parse("127.0.0.1/32")
        return asyncio.run(client.send(request, policy, ssl_context=ssl_context())).status

    assert ask("/v2/slots", cal_api_version="2024-08-13") == 404
    assert ask("/v2/me") == 401
    assert ask("/v2/me", Authorization=KEY) == 500
    assert ask("/v2/slots", cal_api_version="2024-09-04") == 400
