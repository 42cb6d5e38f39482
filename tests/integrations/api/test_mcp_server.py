"""An MCP server by API: created, checked, run, its tools listed and approved, its key rotated."""

import pytest

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import Integration
from tests.fixtures.api import Caller
from tests.peers.upstreams import closed_port
from tests.support.things import TOOL, VALUE, approve_shown, key_for, make_mcp_server, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

BEARER = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
STAGING = {"environment": "staging"}


def created(caller, url, **config):
    body = {"kind": "mcp_server", "name": "CRM tools", "environments": ["staging"], "config": {"url": url, **config}}
    return caller.post("/integrations", body)


def test_a_server_by_api(caller, owner, modern):
    store_secret(owner)
    server = created(caller, modern, query=[{"name": "api_key", "value": "{secrets.crm.apiKey}"}])
    path = f"/integrations/{server['id']}"
    assert server["config"]["timeout_seconds"] == 20
    assert [row["slot"] for row in server["references"]] == ["query.api_key"]
    operations = caller.get(path + "/operations")["items"]
    assert [(each["name"], each["read_only"]) for each in operations] == [("list_tools", True), ("call_tool", False)]
    tested = caller.post(path + "/test", STAGING)
    assert tested["ok"]
    assert [step["name"] for step in tested["steps"]] == ["connect", "list_tools"]
    call = {**STAGING, "operation": "call_tool", "params": {"name": "whoami"}}
    assert caller.problem("POST", path + "/run", call) == (409, "tool_not_approved")
    Integration.objects.update(only_approved_tools=False)
    ran = caller.post(path + "/run", call)
    assert (ran["outcome"], ran["status"], ran["headers"], ran["body_type"]) == ("succeeded", None, [], "json")
    assert ran["masked"] == ["crm.apiKey"]
    assert VALUE not in str(ran)
    runs = caller.get("/runs")["items"]
    assert [(run["operation"], run["outcome"], run["status"]) for run in runs] == [
        ("call_tool", "succeeded", None),
        ("call_tool", "refused", None),
        ("check", "succeeded", None),
    ]


def test_tools_by_api(caller, owner, modern):
    store_secret(owner)
    path = f"/integrations/{created(caller, modern, headers=BEARER)['id']}/tools"
    listed = caller.post(path, STAGING)
    assert listed["problem"] == ""
    search = next(tool for tool in listed["items"] if tool["name"] == "search")
    assert (search["state"], search["approved_by"]) == ("new", None)
    assert search["definition"]["inputSchema"]["required"] == ["region"]
    sent = {"name": "search", "fingerprint": search["fingerprint"]}
    assert caller.post(path + "/approve", sent)["approved_by"] == "API key agent"
    approved = [{"name": tool["name"], "fingerprint": tool["fingerprint"]} for tool in listed["items"]]
    answer = caller.post(path + "/approve-all", {"tools": approved})
    assert [each["name"] for each in answer["items"]] == [each["name"] for each in approved]
    approve_shown(owner, Integration.objects.get(), TOOL | {"name": "was.there"}, TOOL | {"name": "whoami"})
    assert caller.call("POST", path + "/withdraw", {"name": "ask"}).status_code == 204
    again = caller.post(path, STAGING)
    states = {tool["name"]: tool["state"] for tool in again["items"]}
    assert (states["search"], states["whoami"], states["ask"]) == ("approved", "changed", "new")
    assert again["gone"] == ["was.there"]
    assert caller.call("POST", path + "/withdraw", {"name": "search"}).status_code == 204
    assert caller.problem("POST", path + "/withdraw", {"name": "search"}) == (404, "not_found")
    assert caller.errors("POST", path + "/approve", {"name": "", "fingerprint": "x"}) == ["name", "fingerprint"]
    unseen = {"name": "search", "fingerprint": "a" * 64}
    assert caller.errors("POST", path + "/approve", unseen) == ["fingerprint"]
    assert caller.errors("POST", path + "/approve-all", {"tools": [sent, unseen]}) == ["tools[1].fingerprint"]
    assert caller.errors("POST", path + "/approve-all", {"tools": []}) == ["tools"]


def test_a_wrong_key_is_told_once_and_recorded(caller, owner, modern):
    store_secret(owner, value="wrong-horse-battery")
    path = f"/integrations/{created(caller, modern, headers=BEARER)['id']}"
    tested = caller.post(path + "/test", STAGING)
    assert not tested["ok"]
    (step,) = tested["steps"]
    assert (step["outcome"], step["code"]) == ("failed", "upstream_error")
    assert "refused the credential" in step["detail"]
    assert "refused the credential" in caller.post(path + "/tools", STAGING)["problem"]
    assert {run["outcome"] for run in caller.get("/runs")["items"]} == {"upstream_error"}


def test_a_server_that_is_not_there(caller, owner):
    path = f"/integrations/{created(caller, f'http://127.0.0.1:{closed_port()}/mcp')['id']}"
    assert caller.problem("POST", path + "/tools", STAGING) == (502, "upstream_unreachable")
    (step,) = caller.post(path + "/test", STAGING)["steps"]
    assert (step["name"], step["outcome"], step["code"]) == ("request", "failed", "upstream_unreachable")
    assert {(run["outcome"], run["code"]) for run in caller.get("/runs")["items"]} == {
        ("failed", "upstream_unreachable")
    }


def test_keys_are_bound_to_their_environments_and_integrations(owner, modern):
    server, other = make_mcp_server(owner, modern), make_mcp_server(owner, modern, "Other")
    elsewhere = Caller(key_for(owner, Scope.RUN, environments=[Environment.PRODUCTION]))
    assert elsewhere.problem("POST", f"/integrations/{server.id}/tools", STAGING) == (403, "permission_denied")
    narrow = Caller(key_for(owner, integrations=[other.id]))
    sent = {"name": "search", "fingerprint": "a" * 64}
    assert narrow.problem("POST", f"/integrations/{server.id}/tools", STAGING) == (404, "not_found")
    assert narrow.problem("POST", f"/integrations/{server.id}/tools/approve", sent) == (404, "not_found")


def test_a_new_key_is_tried_through_the_check_before_it_is_used(caller, owner, modern):
    secret = store_secret(owner, value="the-old-key-of-staging")
    created(caller, modern, headers=BEARER)
    path = f"/secrets/{secret.id}/rotation/staging"
    for value, outcome in (("a-mistyped-horse-battery", "failed"), (VALUE, "passed")):
        caller._json("PUT", path, {"value": value})
        (result,) = caller.call("POST", path + "/check").json()["results"]
        assert (result["outcome"], result["code"]) == (outcome, None if outcome == "passed" else "upstream_error")
        assert value not in str(result)
    assert caller.post(path + "/promote", {})["id"] == str(secret.id)
