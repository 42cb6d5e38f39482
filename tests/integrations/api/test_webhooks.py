"""`/api/v1/webhooks`: the same as on the pages, and no key that is limited gets around its limits with it."""

import pytest

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import AlertEndpoint
from tests.factories import DeliveryFactory
from tests.fixtures.api import Caller
from tests.support.api.operations import HOOK
from tests.support.things import key_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]


def test_from_creating_to_deleting(caller):
    made = caller.call("POST", "/webhooks", HOOK).json()
    assert made["signing_secret"].startswith("whsec_")
    path = f"/webhooks/{made['id']}"
    shown = caller.call("GET", path).json()
    assert "signing_secret" not in shown
    assert (shown["state"], shown["events"], shown["url"]) == ("delivering", ["secret.created"], HOOK["address"])
    changed = caller.call("PATCH", path, {"events": ["secret.rotated"], "after_minutes": 3}).json()
    assert (changed["name"], changed["events"], changed["after_minutes"], changed["version"]) == (
        "Ops", ["secret.rotated"], 3, 2
    )  # fmt: skip
    assert caller.call("POST", f"{path}/pause").json()["state"] == "paused"
    assert caller.call("POST", f"{path}/resume").json()["state"] == "delivering"
    test = caller.call("POST", f"{path}/test").json()
    (listed,) = caller.call("GET", f"{path}/deliveries").json()["items"]
    assert (listed["id"], listed["state"], listed["tries"]) == (test["id"], "waiting", 0)
    assert caller.call("POST", f"{path}/deliveries/{test['id']}/redeliver").json()["event_id"] == test["event_id"]
    assert caller.call("POST", f"{path}/secret").json()["signing_secret"] != made["signing_secret"]
    assert caller.call("DELETE", path).status_code == 204
    assert caller.call("GET", "/webhooks").json() == {"items": [], "next_cursor": None}


def test_slack_address_never_comes_back(caller):
    sent = {"kind": "slack", "address": "https://hooks.slack.com/services/T0/B0/canary", "events": ["secret.due"]}
    made = caller.call("POST", "/webhooks", sent)
    assert (made.status_code, made.json()["signing_secret"], "canary" in made.text) == (201, None, False)
    assert "canary" not in caller.call("GET", "/webhooks").text


def test_limited_key_gets_no_endpoint(owner):
    key = key_for(owner, Scope.ALERTS_WRITE, environments=[Environment.STAGING])
    limited = Caller(key)
    assert limited.problem("POST", "/webhooks", HOOK) == (403, "permission_denied")
    assert limited.problem("GET", "/webhooks") == (403, "permission_denied")
    assert not AlertEndpoint.objects.exists()


def test_stream_of_the_audit_log_takes_the_scope_that_reads_it(owner):
    stream = {"kind": "audit_lines", "address": "https://siem.example.com/x"}
    caller = Caller(key_for(owner, Scope.ALERTS_WRITE))
    assert caller.problem("POST", "/webhooks", stream) == (403, "permission_denied")
    reading = Caller(key_for(owner, Scope.ALERTS_WRITE, Scope.AUDIT_READ))
    made = reading.call("POST", "/webhooks", stream).json()
    elsewhere = {"address": "https://evil.example.com/x"}
    assert caller.problem("PATCH", f"/webhooks/{made['id']}", elsewhere) == (403, "permission_denied")


WRONG = [
    ({"address": "http://10.0.0.1/x"}, ["address"]),
    ({"events": ["secret.read"]}, ["events"]),
    ({"events": []}, ["events"]),
    ({"after_minutes": -1}, ["after_minutes"]),
    ({"after_minutes": "5"}, ["after_minutes"]),
    ({"recipients": ["nobody"]}, ["recipients"]),
    ({"authorization": "a\nb"}, ["authorization"]),
    ({"kind": "pager"}, ["kind"]),
]


@pytest.mark.parametrize(("change", "fields"), WRONG, ids=str)
def test_malformed_endpoint_names_its_field(caller, change, fields):
    assert set(fields) <= set(caller.errors("POST", "/webhooks", {**HOOK, **change}))
    assert not AlertEndpoint.objects.exists()


def test_change_that_others_made_is_told(caller):
    made = caller.call("POST", "/webhooks", HOOK).json()
    path = f"/webhooks/{made['id']}"
    caller.call("PATCH", path, {"name": "Other"})
    headers = {**caller._headers, "if-match": '"1"'}
    stale = caller._client.patch(f"/api/v1{path}", {"name": "Mine"}, content_type="application/json", headers=headers)
    assert stale.status_code == 412


def test_deliveries_page(caller):
    made = caller.call("POST", "/webhooks", HOOK).json()
    endpoint = AlertEndpoint.objects.get(pk=made["id"])
    DeliveryFactory.create_batch(3, endpoint=endpoint)
    first = caller.call("GET", f"/webhooks/{endpoint.pk}/deliveries?limit=2").json()
    rest = caller.call("GET", f"/webhooks/{endpoint.pk}/deliveries?limit=2&cursor={first['next_cursor']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
