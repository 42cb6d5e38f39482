"""Nobody reaches another organization: by an id in an address or a body, a parameter, a header (T3, T4, T6)."""

from uuid import uuid4

import pytest

from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from integrations.editing.integrations import create_integration
from integrations.models import Integration, Run
from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.fixtures.browsers import browser_of
from tests.support.api.operations import ACTION, OPERATIONS
from tests.support.databases.rows import USE_OF_KEYS, all_rows
from tests.support.databases.undone import failures
from tests.support.things import (
    key_for,
    make_action,
    make_connector,
    store_secret,
)
from tests.support.web.access_table import TABLE, address, answer, ids_of

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db, pytest.mark.usefixtures("inline")]

WITH_ID = [operation for operation in OPERATIONS if "_id}" in operation[1]]
LISTS = [row for row in TABLE if row[0] == "GET" and TABLE[row][0] == 200 and "<slug:slug>" in row[1]]
API_LISTS = ["/secrets", "/integrations", "/readiness", "/runs", "/audit-events"]
NAMES = ("org", "organization", "organization_id", "organization__slug", "slug", "project", "tenant")
HEADERS = ("X-Organization", "X-Organization-Id", "X-Tenant-Id", "X-Coffer-Organization")


@pytest.fixture
def theirs(outsider):
    """Something of every kind in another organization."""
    return ids_of(outsider) | {"connector": make_connector(outsider, "Their connector").id}


# T3


def test_operation_answers_a_foreign_id_like_one_that_nobody_has(owner, theirs):
    def attempt(operation):
        (method, path), (scopes, body) = operation, OPERATIONS[operation]
        callers = [Caller(key_for(owner, *its_scopes)) for its_scopes in (Scope, scopes | {Scope.RUN})]
        before = all_rows(*USE_OF_KEYS, "minute")
        unknown_ids = theirs | {"secret_id": uuid4(), "integration_id": uuid4(), "run_id": uuid4()}
        for caller in callers:
            foreign = caller.call(method, path.format(**theirs), body)
            unknown = caller.call(method, path.format(**unknown_ids), body)
            assert (foreign.status_code, foreign.content) == (404, unknown.content)
        assert all_rows(*USE_OF_KEYS, "minute") == before

    assert failures(WITH_ID, attempt) == {}


def test_parameter_moves_no_page_to_another_organization(world, outsider, theirs):
    clients, ids = world
    for _, pattern in LISTS:
        for value in (outsider.organization.slug, str(outsider.organization.id)):
            query = "&".join(f"{name}={value}" for name in NAMES)
            moved = answer(clients["owner"], "GET", f"{address(pattern, ids)}?{query}")
            page = moved.getvalue() if moved.streaming else moved.content
            assert moved.status_code == 200, pattern
            assert outsider.organization.name.encode() not in page
            assert str(theirs["secret_id"]).encode() not in page


@pytest.mark.parametrize("path", API_LISTS)
def test_parameter_or_header_moves_no_list_to_another_organization(owner, outsider, theirs, path):
    caller = Caller(key_for(owner))
    store_secret(owner, "mine.key")
    plain = caller.call("GET", path).content
    there = (outsider.organization.slug, str(outsider.organization.id))
    for value in there:
        for name in NAMES:
            assert caller.call("GET", f"{path}?{name}={value}").status_code == 422
        for header in HEADERS:
            assert caller.call("GET", path, **{header: value}).content == plain
    assert outsider.organization.name.encode() not in plain


def test_cookie_of_the_last_organization_opens_nothing(owner, outsider):
    browser = browser_of(owner)
    browser.cookies["organization"] = outsider.organization.slug
    assert browser.get("/").url == "/o/harbor-clinics/overview/"


# T4


def test_foreign_ids_in_a_body_are_ids_that_do_not_exist(owner, theirs):
    caller, action = Caller(key_for(owner)), make_action(owner, uses="")
    config = {"base_url": "https://api.example.com", "method": "GET"}
    foreign = {
        "auth_connector": {**ACTION, "config": config | {"auth_connector": str(theirs["connector"])}},
        "connection": {**ACTION, "config": {"method": "GET", "connection": str(theirs["connector"])}},
    }
    before = all_rows(*USE_OF_KEYS, "minute")
    for field, body in foreign.items():
        unknown = {**body, "config": body["config"] | {field: str(uuid4())}}
        first, second = (caller.call("POST", "/integrations", sent) for sent in (body, unknown))
        assert first.status_code == second.status_code == 422
        assert first.json()["errors"] == second.json()["errors"]
        patched = caller.call("PATCH", f"/integrations/{action.id}", {"config": body["config"]})
        assert patched.status_code == 422
    assert all_rows(*USE_OF_KEYS, "minute") == before


def test_foreign_secret_replaces_nothing(owner, theirs):
    caller, secret = Caller(key_for(owner)), store_secret(owner, "mine.key")
    make_action(owner, uses="mine.key")
    before = all_rows(*USE_OF_KEYS, "minute")
    for replacement in (str(theirs["secret_id"]), str(uuid4())):
        path = f"/secrets/{secret.id}/replace-references"
        assert caller.errors("POST", path, {"replacement": replacement}) == ["replacement"]
    assert all_rows(*USE_OF_KEYS, "minute") == before


def test_foreign_integration_is_on_no_key(owner, theirs):
    browser = browser_of(owner)
    form = {"name": "k", "scopes": "run", "environments": "staging", "reach": "some", "expires": "never"}
    form |= {"max_concurrent": "1", "integrations": str(theirs["integration_id"])}
    response = browser.post("/o/harbor-clinics/api-keys/new/", form)
    assert response.status_code == 422
    assert not ApiKey.objects.filter(organization=owner.organization).exists()


def test_name_of_another_organizations_secret_waits_for_ones_own(owner, outsider):
    store_secret(outsider, "shared.key")
    action = make_action(owner, uses="shared.key")
    assert action.references.get().secret is None


# T6


@pytest.mark.parametrize("change", [{"base_url": "https://evil.example.com"}, {"path": "/elsewhere"}])
def test_member_points_no_integration_anywhere(owner, member, change):
    store_secret(owner)
    action = make_action(owner)
    response = browser_of(member).post(f"/o/harbor-clinics/integrations/{action.id}/", change)
    assert response.status_code == 403
    assert Integration.objects.get(pk=action.pk).config == action.config


def test_host_outside_the_allowed_domains_is_refused_before_anything_is_called(owner, run, monkeypatch):
    from integrations.errors import DomainNotAllowed
    from integrations.transport import connections

    def dial(*args, **kwargs):
        raise AssertionError("something was looked up or dialled")

    store_secret(owner, allowed_domains=["api.example.com"])
    action = create_integration(
        actor=owner,
        kind="api_action",
        name="Elsewhere",
        environments=[Environment.STAGING],
        config={
            "base_url": "https://evil.example.org",
            "method": "GET",
            "headers": [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}],
        },
    )
    for name in ("resolve", "connect", "dial"):
        if hasattr(connections, name):
            monkeypatch.setattr(connections, name, dial)
    monkeypatch.setattr("socket.getaddrinfo", dial)
    with pytest.raises(DomainNotAllowed):
        run(owner, action, Environment.STAGING)
    assert Run.objects.get().error_code == "domain_not_allowed"
    assert Secret.objects.get().last_used_at is None
