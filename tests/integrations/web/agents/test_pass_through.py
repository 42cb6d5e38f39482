"""The form of a connection that passes requests through, and the addresses on its page."""

import html

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from integrations.models import AgentTool, Integration
from tests.support.things import make_connection
from tests.support.web.sent_by_browsers import form_with

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

BOTH = [Environment.STAGING, Environment.PRODUCTION]


def page(connection):
    return reverse("integration-edit", args=["harbor-clinics", connection.id])


def shown(browser, connection):
    return form_with(browser.get(page(connection)), "base_url")


def test_by_default_nothing_is_passed_through_and_the_page_changes_nothing(as_owner, owner):
    connection = make_connection(owner)
    body = as_owner.get(page(connection)).content.decode()
    assert ("Address for SDKs" in body, "Send test" in body) == (False, False)
    assert as_owner.post(page(connection), shown(as_owner, connection)).status_code == 303
    connection.refresh_from_db()
    assert (connection.version, "pass_through" in connection.config) == (1, False)


def test_what_is_listed_is_saved_and_shown_again(as_owner, owner):
    connection = make_connection(owner)
    lines = "POST /v1/chat/completions\r\n\r\n  * /v1/files/**  "
    sent = shown(as_owner, connection)
    sent |= {"pass_through": "listed", "pass_through_paths": lines, "first_byte_seconds": "90", "idle_seconds": ""}
    assert as_owner.post(page(connection), sent).status_code == 303
    connection.refresh_from_db()
    assert connection.config["pass_through_paths"] == ["POST /v1/chat/completions", "* /v1/files/**"]
    assert connection.config["first_byte_seconds"] == 90
    assert "idle_seconds" not in connection.config
    again = shown(as_owner, connection)
    assert again["pass_through_paths"] == ["POST /v1/chat/completions\r\n* /v1/files/**"]
    assert not AgentTool.objects.exists()


@pytest.mark.parametrize(
    ("name", "address"),
    [("OpenAI EU/1", "OpenAI%20EU%2F1"), ("Größe", "Gr%C3%B6%C3%9Fe"), ("mail@staging", None)],
)
def test_the_page_shows_the_address_in_each_environment(as_owner, owner, settings, name, address):
    settings.SITE_URL = "https://coffer.example.com"
    connection = make_connection(owner, name=name, environments=BOTH, pass_through="everything")
    body = html.unescape(as_owner.get(page(connection)).content.decode())
    for environment in ("staging", "production"):
        assert f'https://coffer.example.com/proxy/{address or connection.id}@{environment}"' in body
    assert "@development" not in body
    assert "Send test" not in body


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"pass_through": "listed"}, "pass_through_paths", "List at least one"),
        ({"pass_through": "listed", "pass_through_paths": "GET v1"}, "pass_through_paths", "such as GET"),
        ({"pass_through": "listed", "pass_through_paths": "TRACE /v1"}, "pass_through_paths", "such as GET"),
        ({"pass_through": "listed", "pass_through_paths": "GET /a/../b"}, "pass_through_paths", "part of the path"),
        ({"pass_through": "listed", "pass_through_paths": "GET /**/b"}, "pass_through_paths", "at the end alone"),
        ({"pass_through": "listed", "pass_through_paths": "GET /a{id}"}, "pass_through_paths", "one placeholder"),
        ({"pass_through": "listed", "pass_through_paths": "GET /a//b"}, "pass_through_paths", "Leave out empty"),
        ({"pass_through": "everything", "total_seconds": "3601"}, "total_seconds", "3600 or less"),
        ({"pass_through": "sometimes"}, "pass_through", "Choose"),
    ],
)
def test_what_cannot_be_used_is_told_at_its_field(as_owner, owner, fields, field, words):
    connection = make_connection(owner)
    response = as_owner.post(page(connection), shown(as_owner, connection) | fields)
    assert response.status_code == 422
    assert [words in error.message for error in response.context["errors"] if error.field == field] == [True]
    assert Integration.objects.get(pk=connection.pk).version == 1
