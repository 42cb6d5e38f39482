"""Cal.com on its page: entered, checked and tried out there, against a server that is strict about versions."""

import pytest
from django.urls import reverse

from integrations.broker.memory import back_off
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration
from secrets_app.editing.secrets import set_enabled
from secrets_app.models import Secret
from tests.peers.calcom import FREE, KEY, calcom_server
from tests.support.things import store_secret
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db(transaction=True)

SLUG = "harbor-clinics"
NEW = f"/o/{SLUG}/integrations/new/calcom/"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("integrations.broker.channel.BACK_OFF", back_off.BackOff())


@pytest.fixture
def server():
    with calcom_server() as found:
        yield found


@pytest.fixture
def form(server):
    return {
        "name": "Reception calendar",
        "enabled": "on",
        "environments": ["staging", "production"],
        "base_url": server.url,
        "api_key": "{secrets.calcom.key}",
        "event_type_id": "42",
        "time_zone": "Europe/Berlin",
        "operations": ["list_slots", "create_booking"],
    }


@pytest.fixture
def calendar(as_owner, owner, form):
    store_secret(owner, "calcom.key", KEY)
    as_owner.post(NEW, form)
    return Integration.objects.get()


def page_of(integration, name="integration-edit"):
    return reverse(name, args=[SLUG, integration.id])


def test_it_is_stored_as_typed(calendar, server):
    assert calendar.config == {
        "base_url": server.url,
        "api_key": "{secrets.calcom.key}",
        "event_type_id": 42,
        "time_zone": "Europe/Berlin",
        "operations": ["list_slots", "create_booking"],
    }


def test_a_page_sent_as_it_is_shown_changes_nothing(as_owner, calendar):
    page = as_owner.get(page_of(calendar))
    assert "Agents find free slots and book them" in page.content.decode()
    assert as_owner.post(page_of(calendar), form_with(page, "base_url")).status_code == 303
    calendar.refresh_from_db()
    assert calendar.version == 1


def test_a_new_one_starts_at_the_cloud_with_everything_allowed(as_owner, organization):
    values = as_owner.get(NEW).context["values"]
    assert values["base_url"] == "https://api.cal.com"
    assert values["operations"] == ["list_slots", "create_booking", "reschedule_booking", "cancel_booking"]


def test_blank_fields_are_left_out(as_owner, organization, form):
    assert as_owner.post(NEW, form | {"event_type_id": "", "time_zone": "", "operations": []}).status_code == 303
    config = Integration.objects.get().config
    assert (config["event_type_id"], config["time_zone"], config["operations"]) == (None, "", [])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"base_url": "api.cal.com"}, "base_url"),
        ({"api_key": ""}, "api_key"),
        ({"event_type_id": "check-up"}, "event_type_id"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"operations": ["everything"]}, "operations"),
    ],
)
def test_a_field_that_cannot_be_is_named(as_owner, organization, form, fields, field):
    response = as_owner.post(NEW, form | fields)
    assert response.status_code == 422
    assert field in [error.field for error in response.context["errors"]]


def test_the_check_says_whose_key_it_is(as_owner, calendar, server):
    sent = {"environment": "production"}
    shown = as_owner.post(page_of(calendar, "integration-check"), sent, headers=HTMX).content.decode()
    assert "Sign in" in shown
    assert "signed in as harbor" in shown
    server.keys = set()
    shown = as_owner.post(page_of(calendar, "integration-check"), sent, headers=HTMX).content.decode()
    assert "Cal.com refused the API key." in shown
    assert KEY not in shown


def test_a_test_asks_for_the_arguments_of_the_operation(as_owner, calendar, server):
    fields = as_owner.get(page_of(calendar, "integration-arguments"), {"operation": "create_booking"}).content.decode()
    assert 'name="arg_attendee_name"' in fields
    assert 'value="Europe/Berlin"' in fields
    sent = {
        "environment": "staging",
        "operation": "create_booking",
        "arg_start": FREE,
        "arg_event_type_id": "42",
        "arg_attendee_name": "Lena",
        "arg_attendee_email": "lena@example.com",
        "arg_time_zone": "Europe/Berlin",
        "arg_guests": '["kim@example.com"]',
    }
    shown = as_owner.post(page_of(calendar, "integration-test"), sent, headers=HTMX).content.decode()
    assert "new-uid" in shown
    assert KEY not in shown
    assert server.calls[0].body["guests"] == ["kim@example.com"]


def test_a_test_that_cannot_be_sent_names_the_argument(as_owner, calendar, server):
    sent = {"environment": "staging", "operation": "list_slots", "arg_start": "now", "arg_end": "2026-11-24"}
    response = as_owner.post(page_of(calendar, "integration-test"), sent, headers=HTMX)
    assert response.status_code == 422
    assert "Enter a time such as 2026-11-23T09:20:00Z." in response.content.decode()
    assert server.calls == []


def test_a_member_gets_no_editor(as_member, calendar):
    assert as_member.get(page_of(calendar)).status_code == 403


def test_list_and_page_tell_its_state(as_owner, owner, calendar, server):
    def states():
        shown = as_owner.get(f"/o/{SLUG}/integrations/").context["groups"][0]["rows"][0]
        page = as_owner.get(page_of(calendar))
        assert page.context["integration"].state == shown.state
        assert shown.state.capitalize() in page.content.decode()
        assert shown.state_note in page.content.decode()
        assert "Last run: " in page.content.decode()
        return shown.state, shown.state_note

    sent = {"environment": "staging", "operation": "list_event_types"}
    as_owner.post(page_of(calendar, "integration-test"), sent, headers=HTMX)
    assert states() == ("working", "")
    server.say = ("200 OK", (), b"<html>")
    as_owner.post(page_of(calendar, "integration-test"), sent, headers=HTMX)
    assert states() == ("failing", "The answer could not be read")
    set_enabled(actor=owner, secret_id=Secret.objects.get().id, enabled=False)
    assert states() == ("paused", "A secret is disabled")
    update_integration(actor=owner, integration_id=calendar.id, changes=IntegrationChanges(enabled=False))
    assert states() == ("paused", "")
