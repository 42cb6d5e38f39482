"""What the API refuses about secrets, and the field that each refusal names."""

import pytest

from accounts.common.environments import Environment
from secrets_app.models import OrganizationKey, Secret
from tests.fixtures.browsers import browser_of
from tests.support.databases.rows import USE_OF_KEYS, all_rows
from tests.support.databases.stored_values import all_stored_values
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db
BAD_QUERIES = {
    "status=lost": "status",
    "environment=live": "environment",
    "limit=0": "limit",
    "limit=201": "limit",
    "limit=x": "limit",
    "limit=" + "9" * 400: "limit",
    "cursor=zzz": "cursor",
    "unused_days=-1": "unused_days",
    "unused_days=99999999999": "unused_days",
}


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES.items())
def test_bad_query_names_its_field(caller, query, field):
    assert caller.errors("GET", f"/secrets?{query}") == [field]


MARK = "canary-3f9a"
BAD_BODIES = {
    "no name": ({"value": VALUE}, ["name"]),
    "bad name": ({"name": "1 st"}, ["name"]),
    "name of another type": ({"name": 7}, ["name"]),
    "unknown field": ({"name": "a", "colour": MARK}, ["colour"]),
    "unknown environment": ({"name": "a", "values": {"live": MARK}}, ["values.live"]),
    "value that is no text": ({"name": "a", "value": 12345678}, ["value"]),
    "value that is a list": ({"name": "a", "values": {"staging": [MARK]}}, ["values.staging"]),
    "value with NUL": ({"name": "a", "values": {"staging": f"{MARK}\0"}}, ["values.staging"]),
    "half of a surrogate pair": ({"name": "a", "values": {"staging": f"{MARK}\ud800"}}, ["values.staging"]),
    "over 64 KiB": ({"name": "a", "values": {"production": MARK * 6000}}, ["values.production"]),
    "description too long": ({"name": "a", "description": "d" * 501}, ["description"]),
    "description with half a pair": ({"name": "a", "description": "\ud800"}, ["description"]),
    "bad domain": ({"name": "a", "allowed_domains": ["ok.example.com", "*"]}, ["allowed_domains[1]"]),
    "too many domains": ({"name": "a", "allowed_domains": ["a.example.com"] * 101}, ["allowed_domains"]),
    "interval": ({"name": "a", "rotate_every_days": 0}, ["rotate_every_days"]),
    "interval out of this world": ({"name": "a", "rotate_every_days": 10**300}, ["rotate_every_days"]),
    "a day of no calendar": ({"name": "a", "expires_on": "2031-02-30"}, ["expires_on"]),
    "a day long ago": ({"name": "a", "expires_on": "1999-12-31"}, ["expires_on"]),
    "values that state no day": ({"name": "a", "value": MARK, "expires_with_values": True}, ["expires_on"]),
    "several": (
        {"name": "", "rotate_every_days": -1, "values": {"staging": "x"}},
        ["name", "rotate_every_days", "values.staging"],
    ),
    "a list": ([], ["body"]),
    "nothing": (None, ["body"]),
}


@pytest.mark.parametrize(("body", "fields"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_body_names_its_fields_and_stores_nothing(caller, body, fields):
    response = caller.call("POST", "/secrets", body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == fields
    assert MARK not in response.text
    assert not Secret.objects.exists()


def test_short_value_has_its_own_code_and_a_way_out(caller):
    body = {"name": "pin", "value": "1234"}
    assert caller.problem("POST", "/secrets", body) == (422, "value_too_short")
    assert caller.errors("POST", "/secrets", body) == [f"values.{environment.value}" for environment in Environment]
    assert caller.post("/secrets", {**body, "allow_short": True})["name"] == "pin"


def test_taken_name_is_refused(caller, owner):
    store_secret(owner)
    assert caller.errors("POST", "/secrets", {"name": "CRM.apikey"}) == ["name"]


def test_refused_edit_changes_nothing(caller, owner):
    secret = store_secret(owner)
    body = {"description": "new", "values": {"staging": "second-value", "production": "x"}}
    assert caller.problem("PATCH", f"/secrets/{secret.id}", body) == (422, "value_too_short")
    assert (Secret.objects.get().description, set(all_stored_values().values())) == ("", {VALUE})


def test_name_is_edited(caller, owner):
    secret = store_secret(owner)
    make_action(owner)
    found = caller.patch(f"/secrets/{secret.id}", {"name": "crm.patients"})
    assert (found["name"], found["reference"], found["usage_count"]) == ("crm.patients", "{secrets.crm.patients}", 1)
    assert Secret.objects.get().name == "crm.patients"


@pytest.mark.parametrize("name", ["", "2 token", "x" * 129, "BILLING.token", "a b"])
def test_name_that_breaks_a_rule_changes_nothing(caller, owner, name):
    secret = store_secret(owner)
    store_secret(owner, "billing.token")
    assert caller.problem("PATCH", f"/secrets/{secret.id}", {"name": name}) == (422, "invalid")
    assert set(Secret.objects.values_list("name", flat=True)) == {"crm.apiKey", "billing.token"}


def test_nothing_is_stored_while_the_data_key_does_not_open(caller, owner):
    """Each way to a new value says so with a code, and the page with the sentence."""
    secret, browser = store_secret(owner), browser_of(owner)
    OrganizationKey.objects.filter(organization=owner.organization).update(wrapped=b"damaged")
    before = all_rows(*USE_OF_KEYS)
    values = {"values": {"staging": "a-new-value-0815"}}
    import_ = {"environment": "staging", "dotenv": "new.key=a-new-value-0815"}
    refused = (409, "key_unavailable")
    assert caller.problem("POST", "/secrets", {"name": "new.key", **values}) == refused
    assert caller.problem("PATCH", f"/secrets/{secret.id}", values) == refused
    assert caller.problem("POST", "/secrets/import", import_) == refused
    assert caller.problem("PUT", f"/secrets/{secret.id}/rotation/staging", {"value": "a-new-value-0815"}) == refused
    form = {"name": "new.key", "mode": "per-env", "enabled": "on", "value_staging": "a-new-value-0815"}
    page = browser.post("/o/harbor-clinics/secrets/new/", form)
    assert (page.status_code, "manage.py keys" in page.content.decode()) == (409, True)
    assert all_rows(*USE_OF_KEYS) == before
