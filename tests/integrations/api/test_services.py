"""`/api/v1/services`: what a client needs to start with a well-known service."""

import pytest

from integrations.known_services.catalogue import services

pytestmark = pytest.mark.django_db


def test_all_are_listed_once_by_name(caller):
    first = caller.get("/services?limit=40")
    rest = caller.get(f"/services?limit=200&cursor={first['next_cursor']}")
    assert rest["next_cursor"] is None
    assert [item["key"] for item in first["items"] + rest["items"]] == [service.key for service in services()]


def test_what_is_shown_creates_a_connection_and_an_action(caller):
    (openai,) = [item for item in caller.get("/services?limit=200")["items"] if item["key"] == "openai"]
    assert openai["allowed_domains"] == ["api.openai.com"]
    connection = {"kind": "api_connection", "name": openai["name"], "config": openai["connection"]}
    created = caller.call("POST", "/integrations", connection)
    assert created.status_code == 201
    operation = openai["operations"][0]
    config = {"connection": created.json()["id"], **operation["config"]}
    action = {"kind": "api_action", "name": operation["name"], "config": config}
    assert caller.call("POST", "/integrations", action).status_code == 201


def test_a_cursor_of_another_list_is_refused(caller):
    assert caller.errors("GET", "/services?cursor=x") == ["cursor"]
