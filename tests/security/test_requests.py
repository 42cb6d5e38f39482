"""Requests that are not what they seem: addresses, hosts, headers, bodies, names in logs.

See docs/security-rules.md, "Requests".
"""

import json
import logging
import time

import pytest
from django.test import Client

from accounts.models import Organization, User
from config.http.errors import API_PREFIX
from secrets_app.models import Secret, SecretValue
from tests.fixtures.api import BASE, Caller
from tests.fixtures.browsers import browser_of
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

ODD_PATHS = [
    "//api/v1/secrets",
    "/api//v1/secrets",
    "/api/v1//secrets",
    "/api/v1/./secrets",
    "/api/v1/x/../secrets",
    "/api/v1/secrets/.",
    "/api/v1/secrets//",
    "/api/v1/secrets/",
    "/API/v1/secrets",
    "/%61pi/v1/secrets",
    "/api/v1/%73ecrets",
    "/api/v1/secrets%2f",
    "/api/v1/secrets;x=1",
    "/api/v1/..%2fv1/secrets",
    "/api/v1/secrets%00",
    "/o/harbor-clinics//secrets/",
    "//o/harbor-clinics/secrets/",
    "/o//harbor-clinics/secrets/",
    "/o/harbor-clinics/./secrets/",
    "/o/harbor%2dclinics/secrets/",
    "/o/HARBOR-CLINICS/secrets/",
    "/o/harbor-clinics/secrets",
    "//admin/secrets_app/secret/",
]
REWRITING = ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-HTTP-Method-Override"]


@pytest.fixture
def secret(owner):
    return store_secret(owner, "crm.apiKey", description="seen only by those who may")


@pytest.mark.parametrize("path", ODD_PATHS)
def test_odd_spelling_of_an_address_gives_nobody_anything(client, outsider, secret, path):
    for browser in (client, browser_of(outsider)):
        response = browser.get(path, follow=True)
        assert response.status_code in {200, 301, 302, 400, 401, 404}
        assert b"crm.apiKey" not in response.content
        if response.status_code == 200:
            assert response.request["PATH_INFO"] in {"/signin/", "/organizations/new/"} or "admin" in path


@pytest.mark.parametrize("header", REWRITING)
def test_header_that_rewrites_addresses_is_not_heard(client, owner, secret, header):
    for wanted in (f"{BASE}/secrets", "/o/harbor-clinics/secrets/", "/healthz"):
        assert client.get(f"{BASE}/secrets", headers={header: wanted}).status_code == 401
        assert client.get("/healthz", headers={header: wanted}).content == client.get("/healthz").content
    browser = browser_of(owner)
    path = f"/o/harbor-clinics/secrets/{secret.id}/delete/"
    assert browser.get(path, headers={"X-HTTP-Method-Override": "POST"}).status_code == 200
    assert browser.post(path, {"_method": "DELETE"}).status_code == 422
    assert Secret.objects.exists()


@pytest.mark.parametrize("host", ["evil.example.com", "testserver.evil.com", "testserver@evil.com", "[::1", "a b", ""])
@pytest.mark.parametrize("path", ["/", "/signin/", f"{BASE}/secrets", "/admin/"])
def test_unknown_host_gets_nothing(client, host, path):
    response = client.get(path, headers={"host": host})
    assert response.status_code == 400
    assert b"evil" not in response.content
    assert "evil" not in str(response.headers)


def test_forwarded_host_is_not_heard(owner):
    response = browser_of(owner).get("/", headers={"x-forwarded-host": "evil.example.com", "forwarded": "host=evil"})
    assert "evil" not in response.url
    response = Client().get("/o/harbor-clinics/secrets/", headers={"x-forwarded-host": "evil.example.com"})
    assert response.url.startswith("/signin/")


def test_forwarded_address_is_not_the_address_of_the_caller(owner):
    from accounts.models import AuditEvent

    browser_of(owner).post(
        "/o/harbor-clinics/secrets/new/",
        {"name": "a.key", "mode": "shared"},
        headers={"x-forwarded-for": "203.0.113.9", "x-real-ip": "203.0.113.9"},
        REMOTE_ADDR="192.0.2.7",
    )
    assert AuditEvent.objects.get(event="secret.created").address == "192.0.2.7"


def test_next_leads_nowhere_else(client):
    for address in ("https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)"):
        page = client.get("/signin/", {"next": address})
        assert page.status_code == 200
        assert 'href="https://evil' not in page.content.decode()
        assert 'href="javascript:' not in page.content.decode()


# Bodies


WRONG_TYPES = [["canary-7f3a91"], {"x": "canary-7f3a91"}, {"canary-7f3a91": 1}]


@pytest.mark.parametrize("wrong", WRONG_TYPES, ids=str)
def test_value_of_a_wrong_type_is_in_no_answer(owner, secret, wrong):
    caller = Caller(key_for(owner))
    path = f"/secrets/{secret.id}"
    bodies = [
        ("POST", "/secrets", {"name": "new.key", "value": wrong}),
        ("POST", "/secrets", {"name": "new.key", "values": {"staging": wrong}}),
        ("PATCH", path, {"value": wrong}),
        ("PATCH", path, {"values": {"staging": wrong}}),
        ("PUT", f"{path}/rotation/staging", {"value": wrong}),
        ("POST", "/secrets/import", {"environment": "staging", "dotenv": wrong}),
    ]
    for method, address, body in bodies:
        response = caller.call(method, address, body)
        assert response.status_code == 422
        assert b"canary" not in response.content


@pytest.mark.parametrize(
    "raw", [b'{"value": "canary-7f3a91', b'{"value": "canary-7f3a91"} x', b"canary-7f3a91", b'{"value": canary-7f3a91}']
)
def test_body_that_is_not_json_is_in_no_answer(owner, raw):
    response = Caller(key_for(owner)).call("POST", "/secrets", raw=raw)
    assert response.status_code == 400
    assert b"canary" not in response.content


DEEP = {
    "arrays": b"[" * 500_000,
    "objects": b'{"a":' * 200_000,
    "keys": json.dumps({f"key{n}": 1 for n in range(100_000)}).encode(),
    "numbers": b'{"rotate_every_days": 1' + b"0" * 200_000 + b"}",
    "one key often": b'{"name": "a", "name": "b"}',
    "not a number": b'{"rotate_every_days": NaN}',
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_elaborate_json_is_refused_at_once(owner, body):
    caller = Caller(key_for(owner))
    started = time.process_time()
    response = caller.call("POST", "/secrets", raw=body)
    assert response.status_code in {400, 422}
    assert time.process_time() - started < 3
    assert len(response.content) < 20_000


# Mass assignment


def test_fields_that_are_nobodys_business_are_refused_by_the_api(owner, outsider, secret):
    caller = Caller(key_for(owner))
    theirs = str(outsider.organization.id)
    for field, value in (
        ("organization", theirs),
        ("organization_id", theirs),
        ("id", str(secret.id)),
        ("version", 99),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("last_used_at", "2020-01-01T00:00:00Z"),
        ("status", "active"),
        ("sealed", "00"),
    ):
        assert caller.errors("PATCH", f"/secrets/{secret.id}", {field: value}) == [field]
        assert caller.errors("POST", "/secrets", {"name": "x.y", field: value}) == [field]


def test_fields_that_are_nobodys_business_are_not_read_from_a_form(owner, outsider):
    more = {"organization": outsider.organization.id, "organization_id": outsider.organization.id, "id": "1"}
    more |= {"created_by": "Somebody", "last_used_at": "2020-01-01", "slug": outsider.organization.slug}
    form = {"name": "a.key", "mode": "shared", "value_all": "a-value-0815", "enabled": "on", "version": "99"}
    browser_of(owner).post("/o/harbor-clinics/secrets/new/", form | more)
    made = Secret.objects.get()
    assert (made.organization, made.version, made.last_used_at) == (owner.organization, 1, None)
    assert set(SecretValue.objects.values_list("created_by", flat=True)) == {"Mara Lindqvist"}


def test_nobody_makes_themselves_staff(owner):
    form = {"name": "Clinic", "slug": "clinic-x", "is_staff": "1", "is_superuser": "1", "role": "owner"}
    browser_of(owner).post("/organizations/new/", form)
    assert not User.objects.filter(is_staff=True).exists()
    assert not Organization.objects.filter(slug="clinic-x").exists()


@pytest.mark.parametrize("query", ["organization__slug=x", "name__regex=.", "q__contains=a", "_connector=OR", "pk=1"])
def test_look_ups_in_an_address_are_words_that_nobody_knows(owner, secret, query):
    caller = Caller(key_for(owner))
    assert caller.call("GET", f"/secrets?{query}").status_code == 422
    page = browser_of(owner).get(f"/o/harbor-clinics/secrets/?{query}")
    assert page.status_code == 200
    assert b"crm.apiKey" in page.content


@pytest.mark.parametrize("order", ["organization__name", "-values__sealed", "?", "description", "id)--", "sealed"])
def test_list_is_sorted_by_its_own_orders_alone(owner, secret, order):
    browser = browser_of(owner)
    found = browser.get("/o/harbor-clinics/secrets/", {"sort": order})
    assert found.status_code == 200
    assert found.context["filters"]["sort"] == "name"


# Logs


@pytest.mark.parametrize("mark", ["%0d%0a", "%0a", "%1b[31m", "%e2%80%a8", "%00"])
def test_what_comes_in_makes_no_line_of_its_own_in_the_log(client, caplog, mark):
    text = f"{mark}INJECTED"
    with caplog.at_level(logging.DEBUG, logger="django.request"):
        client.get(f"/nothing/{text}/")
        client.get(f"{API_PREFIX}{text}", headers={"user-agent": "x\x1b[31m"})
        client.get("/", headers={"host": "evil\x1b[31m.example.com"})
    lines = [record.getMessage() for record in caplog.records]
    assert lines
    assert not any(raw in line for line in lines for raw in ("\n", "\r", "\x1b", "\u2028", "\0", "INJECTED"))


def test_value_in_an_address_is_in_no_line_of_the_log(owner, secret, caplog):
    caller, browser = Caller(key_for(owner)), browser_of(owner)
    with caplog.at_level(logging.DEBUG):
        for path in ("/secrets/canary-7f3a91", "/canary-7f3a91", "/secrets?value=canary-7f3a91"):
            caller.call("GET", path)
        caller.call("PUT", f"/secrets/{secret.id}", {})
        Caller("cof_nonsense").call("POST", f"/integrations/{secret.id}/run", {"environment": "staging"})
        for path in ("/o/harbor-clinics/secrets/canary-7f3a91/", "/canary-7f3a91/", "/invitations/canary-7f3a91/"):
            browser.get(path)
    lines = [record.getMessage() for record in caplog.records if record.name == "django.request"]
    assert "Not Found: an unknown path" in lines
    assert "Method Not Allowed: api/v1/secrets/<uuidstr:secret_id>" in lines
    assert "Unauthorized: api/v1/integrations/<uuidstr:integration_id>/run" in lines
    assert not any(text in line for line in lines for text in ("canary", str(secret.id)))


def test_name_with_control_characters_is_nobodys_name(owner):
    caller = Caller(key_for(owner))
    assert caller.problem("POST", "/secrets", {"name": "a\nb"})[0] == 422
    sent = {"kind": "api_action", "name": "a\r\nb", "config": {"base_url": "https://api.example.com", "method": "GET"}}
    assert caller.problem("POST", "/integrations", sent)[0] == 422
    assert browser_of(owner).post("/organizations/new/", {"name": "a\x1b[31m"}).status_code == 422


def test_api_answers_are_json_and_not_to_be_guessed(owner):
    make_action(owner, "<img src=x onerror=alert(1)>", uses="")
    caller = Caller(key_for(owner))
    for path in ("/integrations", "/integrations/x", "/nothing"):
        response = caller.call("GET", path)
        assert response.headers["Content-Type"].split(";")[0] in {"application/json", "application/problem+json"}
        assert response.headers["X-Content-Type-Options"] == "nosniff"
