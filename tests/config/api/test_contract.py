"""What holds for every operation: who may call it, how a refusal looks, what is JSON, and what OpenAPI says of it."""

import logging
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from config.api.application import api
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation
from tests.factories import ApprovalFactory, RunFactory
from tests.fixtures.api import BASE, Caller
from tests.support.api.operations import APPROVAL, NEEDED_TOO, OPERATIONS, REPLACE, RUN, STOP, TOOLS
from tests.support.databases.undone import failures
from tests.support.things import (
    approve_shown,
    endpoint_with_delivery,
    key_for,
    make_action,
    make_import_of,
    make_mcp_server,
    store_secret,
)

S = Environment.STAGING

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
with_body = [operation for operation, (_, body) in OPERATIONS.items() if operation[0] != "GET" and body is not None]


@pytest.fixture
def paths(owner):
    """Fills a real secret and a real integration into a path."""
    action = make_action(owner, uses="", base_url="http://127.0.0.1:9")
    secret = store_secret(owner)
    for text in ("the-second-value", "the-third-value"):  # one that was promoted, one that is staged
        place = {"actor": owner, "secret_id": secret.id, "environment": S}
        if text == "the-third-value":
            rotation.promote(**place, approve=lambda staged: [])
        rotation.stage(**place, value=Plaintext(text))
    ids = {"secret_id": secret.id, "integration_id": action.id, "session_id": action.id, "environment": "staging"}
    ids |= {"secret_name": secret.name, "integration_name": action.name}
    ids["import_id"] = make_import_of(owner).pk
    ids["tool_id"] = action.agent_tools.get().id
    ids["run_id"] = RunFactory(organization=owner.organization).pk
    ids["approval_id"] = ApprovalFactory(organization=owner.organization).pk
    ids["endpoint_id"], ids["delivery_id"] = endpoint_with_delivery(owner)
    server = make_mcp_server(owner, "http://127.0.0.1:9/mcp")
    approve_shown(owner, server)
    return lambda path: path.format(**(ids | {"integration_id": server.id} if TOOLS in path else ids))


def test_table_names_every_operation():
    documented = {
        (method.upper(), path.removeprefix(BASE))
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    assert documented == set(OPERATIONS)


@pytest.mark.django_db
@pytest.mark.usefixtures("inline")
def test_each_scope_opens_what_it_names_and_nothing_else(owner, paths):
    def is_open_to_its_scopes(operation):
        method, path = operation
        opening, body = OPERATIONS[operation]
        if others := set(Scope) - opening:
            assert Caller(key_for(owner, *others)).problem(method, paths(path), body) == (403, "permission_denied")
        ways = [opening] if operation == REPLACE else [{scope, NEEDED_TOO.get(operation, scope)} for scope in opening]
        for scopes in ways:
            response = Caller(key_for(owner, *scopes)).call(method, paths(path), body)
            assert response.status_code in {REPLACE: {422}, STOP: {404}, APPROVAL: {404}}.get(
                operation, {200, 201, 204, 502}
            )

    assert failures(OPERATIONS, is_open_to_its_scopes) == {}


@pytest.mark.django_db
@pytest.mark.usefixtures("inline")
def test_every_key_that_is_no_good_gets_the_same_answer(owner, paths):
    expired, revoked = key_for(owner), key_for(owner)
    ApiKey.objects.filter(prefix=expired[:15]).update(expires_at=timezone.now() - timedelta(seconds=1))
    ApiKey.objects.filter(prefix=revoked[:15]).update(revoked_at=timezone.now())
    mistyped = key_for(owner)[:-1] + "!"
    keys = (expired, revoked, mistyped, "x", "é".encode().decode("latin-1"))
    for method, path in OPERATIONS:
        answers = [Caller(key).call(method, paths(path)) for key in keys]
        assert {answer.status_code for answer in answers} == {401}, (method, path)
        assert len({answer.content for answer in answers}) == 1, (method, path)
        assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}, (method, path)


@pytest.mark.django_db
@each_operation
def test_no_key_is_401_before_anything_is_looked_up(operation, django_assert_num_queries):
    method, path = operation
    unknown = path.format(
        environment="staging",
        secret_name="crm.token",
        integration_name="CRM",
        secret_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        integration_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        import_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        endpoint_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        delivery_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        tool_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        run_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        approval_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        session_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
    )
    with django_assert_num_queries(0):
        response = Caller(None).call(method, unknown, OPERATIONS[operation][1])
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["{key}", "Basic {key}", "Bearer", "Bearer ", "Bearer  {key} x", "Token {key}"])
def test_key_is_taken_as_bearer_token_alone(owner, settings, caplog, header):
    caplog.set_level(logging.DEBUG)
    settings.DEBUG = True
    key = key_for(owner)
    response = Client().get(f"{BASE}/secrets", headers={"authorization": header.format(key=key)})
    assert response.status_code == 401
    assert key not in caplog.text


@pytest.mark.django_db
def test_word_bearer_is_taken_in_any_case(owner):
    for word in ("bearer", "BEARER"):
        response = Client().get(f"{BASE}/secrets", headers={"authorization": f"{word} {key_for(owner)}"})
        assert response.status_code == 200


@pytest.mark.django_db
def test_key_is_not_taken_from_the_query_or_a_cookie(owner):
    client = Client()
    client.cookies["authorization"] = f"Bearer {key_for(owner)}"
    assert client.get(f"{BASE}/secrets?key={key_for(owner)}&api_key={key_for(owner)}").status_code == 401


@pytest.mark.django_db
def test_api_needs_no_csrf_token(owner):
    client = Client(enforce_csrf_checks=True)
    headers = {"authorization": f"Bearer {key_for(owner)}", "origin": "https://evil.example"}
    response = client.post(f"{BASE}/secrets", {"name": "a"}, content_type="application/json", headers=headers)
    assert response.status_code == 201


NOT_JSON = {
    "NaN": b'{"rotate_every_days": NaN}',
    "Infinity": b"[-Infinity]",
    "a name twice": b'{"name": "a", "name": "b"}',
    "a name twice, deep": b'{"name": "a", "values": {"staging": "one-value", "staging": "two-value"}}',
    "cut off": b'{"name": "canary-3f9a',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a mark in front": b'\xef\xbb\xbf{"name": "a"}',
    "deep": b"[" * 1_000_000,
    "deep objects": b'{"a":' * 200_000,
    "a number without end": b"[" + b"9" * 5000 + b"]",
    "a form": b"name=canary-3f9a",
    "single quotes": b"{'name': 'a'}",
}


@pytest.mark.django_db
@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("debug", [False, True])
def test_body_that_is_not_json_is_400_at_once(caller, settings, raw, debug):
    settings.DEBUG = debug
    started = time.monotonic()
    response = caller.call("POST", "/secrets", raw=raw)
    assert time.monotonic() - started < 2
    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")
    assert "canary" not in response.text


@pytest.mark.django_db
@pytest.mark.usefixtures("inline")
def test_every_body_is_read_strictly(caller, paths):
    def is_read_strictly(operation):
        method, path = operation
        unreadable = (422, "document_unreadable") if path.startswith("/configuration/") else (400, "invalid_json")
        assert caller.problem(method, paths(path), raw=b"{") == unreadable
        assert caller.errors(method, paths(path), {**OPERATIONS[operation][1], "canary": 1}) == ["canary"]

    assert failures(with_body, is_read_strictly) == {}


@pytest.mark.django_db
def test_hundred_thousand_unknown_fields_get_a_short_answer(caller):
    response = caller.call("POST", "/secrets", {f"k{number}": number for number in range(100_000)})
    assert (response.status_code, len(response.json()["errors"])) == (422, 100)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "code"),
    [("/nowhere", 404), ("/secrets/1", 404), ("//secrets", 404), ("/secrets/", 404), ("/../admin/", 404)],
)
def test_unknown_address_is_a_problem_too(caller, path, code):
    assert caller.problem("GET", path) == (code, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/secrets"), ("POST", "/runs"), ("OPTIONS", "/secrets"), ("GET", "/integrations/{integration_id}/run")],
)
def test_unknown_method_is_405_with_those_that_work(caller, paths, method, path):
    response = caller.call(method, paths(path))
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Allow"]


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [False, True])
def test_fault_of_ours_is_a_500_without_its_text(caller, settings, monkeypatch, debug):
    def broken(*args, **kwargs):
        raise RuntimeError("canary-3f9a".replace("-", "_"))

    settings.DEBUG = debug
    monkeypatch.setattr("secrets_app.inventory.inventory.page", broken)
    response = caller._client.get(f"{BASE}/secrets", headers=caller._headers)
    assert response.status_code == 500
    assert debug or response.json()["code"] == "internal_error"
    assert not response.headers["Content-Type"].startswith("text/plain") or "local vars" not in response.text.lower()


def test_description_page_is_served(client):
    response = client.get(f"{BASE}/docs")
    assert response.status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_run_works_under_asgi_with_threads_of_its_own(owner_async):
    """As the server does it: an asynchronous handler, and a database that refuses to be used from the event loop."""
    key, action = owner_async
    headers = {"authorization": f"Bearer {key}"}
    response = await AsyncClient().post(
        f"{BASE}/integrations/{action.id}/run", RUN, content_type="application/json", headers=headers
    )
    assert (response.status_code, response.json()["code"]) == (502, "upstream_unreachable")
    listed = await AsyncClient().get(f"{BASE}/runs", headers=headers)
    assert [item["code"] for item in listed.json()["items"]] == ["upstream_unreachable"]
    await sync_to_async(connections.close_all)()


@pytest.fixture
def owner_async(transactional_db, owner):
    """A key, and an action that uses a secret and calls a port where nobody listens."""
    store_secret(owner)
    return key_for(owner), make_action(owner, base_url="http://127.0.0.1:9")
