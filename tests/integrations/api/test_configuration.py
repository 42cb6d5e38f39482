"""`/api/v1/configuration`: exported, planned, applied; the same file everywhere; bound as the key that applies it."""

import json

import jsonschema
import pytest

from accounts.actors import actor_for_member
from accounts.common.environments import Environment
from accounts.models import AuditEvent, Membership
from accounts.policy import Scope
from integrations.declared.differences import SECTIONS
from integrations.models import AlertEndpoint, Integration
from secrets_app.models import Secret
from tests import factories
from tests.fixtures.api import Caller
from tests.support.databases.undone import failures
from tests.support.demo import loaded_demo
from tests.support.things import key_for, make_action, make_connection, make_connector, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

S = Environment.STAGING
PLAN, APPLY = "/configuration/plan", "/configuration/apply"

FILE = """\
version: 1
secrets:
  crm.token:
    description: Of the CRM
    allowed_domains: [API.example.com]
    rotate_every_days: 90
    required_in: [production, staging]
  old.token: {enabled: false}
integrations:
  Look up patient:
    kind: api_action
    environments: [staging]
    config:
      connection: CRM API
      method: GET
      path: /patients
  CRM API:
    kind: api_connection
    environments: [staging]
    config: {base_url: "https://api.example.com", auth_connector: CRM bearer token}
  CRM bearer token:
    kind: auth_connector
    environments: [staging]
    config: {type: bearer, token: "{secrets.crm.token}"}
  Old:
    kind: auth_connector
    config: {type: bearer, token: "{secrets.old.token}"}
webhooks:
  Deploys:
    address: https://hooks.example.com/coffer
    events: [secret.rotated, secret.created]
    paused: true
"""


NOTHING = "version: 1\nsecrets: {}\nintegrations: {}\nwebhooks: {}\n"


def sent(caller, path, text, **more):
    """The JSON of an answer that has to be there."""
    answer = caller.call("POST", path, raw=text.encode(), **more)
    assert answer.status_code == 200, answer.content
    return answer.json()


def exported(caller):
    return caller.call("GET", "/configuration", accept="application/yaml").text


def kept():
    return (
        Secret.objects.count(),
        Integration.objects.count(),
        AlertEndpoint.objects.count(),
        AuditEvent.objects.count(),
    )


def test_the_demo_applied_elsewhere_gives_the_same_file(tmp_path, client):
    with loaded_demo(tmp_path):
        harbor = Membership.objects.select_related("user", "organization").get(
            role="owner", organization__slug="harbor-clinics"
        )
        demo = Caller(key_for(actor_for_member(harbor)))
        elsewhere = Caller(key_for(actor_for_member(factories.MembershipFactory(role="owner"))))
        file = exported(demo)
        schema = client.get("/api/v1/configuration.schema.json").json()
        as_json = demo.get("/configuration", accept="application/json")
        jsonschema.validate(as_json, schema, cls=jsonschema.Draft202012Validator)
        for content in (file, json.dumps(as_json)):
            assert sent(demo, f"{PLAN}?prune=true", content)["changes"] == []
        applied = sent(elsewhere, APPLY, file)
        assert {change["action"] for change in applied["changes"]} == {"create"}
        assert len(applied["missing"]) == Secret.objects.filter(organization=harbor.organization).count()
        assert exported(elsewhere) == file
        assert sent(elsewhere, f"{APPLY}?prune=true", file)["changes"] == []


def test_a_file_is_planned_applied_and_then_left_alone(owner, caller):
    before = kept()
    plan = sent(caller, PLAN, FILE)
    assert kept() == before
    assert [(change["type"], change["name"]) for change in plan["changes"]] == [
        ("secret", "crm.token"),
        ("secret", "old.token"),
        *(("integration", name) for name in ("CRM API", "CRM bearer token", "Look up patient", "Old")),
        ("webhook", "Deploys"),
    ]
    assert plan["changes"][0]["fields"]["allowed_domains"] == [None, ["api.example.com"]]
    assert plan["missing"] == [{"secret": "crm.token", "environments": ["staging", "production"]}]
    assert sent(caller, f"{APPLY}?plan={plan['plan']}", FILE) == plan
    secret, action = Secret.objects.get(name="crm.token"), Integration.objects.get(name="Look up patient")
    assert (secret.rotate_every_days, secret.required_in) == (90, {S, Environment.PRODUCTION})
    assert Secret.objects.get(name="old.token").enabled is False
    assert (action.connection.name, action.connection.auth_connector.name) == ("CRM API", "CRM bearer token")
    assert AlertEndpoint.objects.get().paused == "person"
    events = AuditEvent.objects.order_by("sequence").values_list("event", flat=True)
    made = ["secret.created", *["integration.created"] * 4, "endpoint.created"]
    assert [event for event in events if event in made] == ["secret.created", *made]
    configured = AuditEvent.objects.get(event="organization.configured")
    assert (configured.target_label, configured.data) == (owner.organization.name, {"changes": {"create": 7}})
    written = kept()
    assert sent(caller, APPLY, FILE)["changes"] == []
    assert kept() == written
    assert "allowed_domains: [api.example.com]" in exported(caller)
    assert caller.call("PUT", "/secrets/by-name/crm.token", {"value": "correct-horse-battery"}).status_code == 200
    assert sent(caller, PLAN, FILE)["missing"] == []


def test_what_differs_is_changed_and_with_prune_what_is_left_out_is_deleted(owner, caller):
    sent(caller, APPLY, FILE)
    changed = FILE.replace("Of the CRM", "Of another CRM").replace("paused: true", "paused: false")
    changed = changed.replace("path: /patients", "path: /people").replace("rotate_every_days: 90", "enabled: true")
    without = changed[: changed.index("  Old:")] + changed[changed.index("webhooks:") :]
    without = without.replace("  old.token: {enabled: false}\n", "")
    expected = {
        "crm.token": {"description": ["Of the CRM", "Of another CRM"], "rotate_every_days": [90, None]},
        "Look up patient": {"config.path": ["/patients", "/people"]},
        "Deploys": {"paused": [True, False]},
    }
    kept_plan = sent(caller, PLAN, without)
    assert {change["name"]: change["fields"] for change in kept_plan["changes"]} == expected
    done = sent(caller, f"{APPLY}?prune=true", without)
    deleted = [change["name"] for change in done["changes"] if change["action"] == "delete"]
    assert deleted == ["old.token", "Old"]
    assert not Secret.objects.filter(name="old.token").exists()
    assert AlertEndpoint.objects.get().paused == ""
    assert Secret.objects.get().rotate_every_days is None
    assert sent(caller, f"{PLAN}?prune=true", "version: 1")["changes"] == []
    last = sent(caller, f"{APPLY}?prune=true", NOTHING)
    assert {change["action"] for change in last["changes"]} == {"delete"}
    assert exported(caller) == NOTHING


def test_a_name_that_another_member_gives_up_can_be_taken(owner, caller):
    """The tool keeps its name for agents while its integration gets another one."""
    make_action(owner, uses="")
    file = exported(caller).replace("Look up patient:", "Find patient:")
    sent(caller, f"{APPLY}?prune=true", file)
    assert [(row.name, row.tool_name) for row in Integration.objects.all()] == [("Find patient", "look_up_patient")]
    assert exported(caller) == file


def test_webhooks_of_one_name_are_told_apart_and_channels_stay_out(caller):
    hook = {"name": "Ops", "address": "https://hooks.example.com/a", "events": ["secret.created"]}
    caller.post("/webhooks", hook)
    caller.post("/webhooks", hook | {"address": "https://hooks.example.com/b"})
    caller.post("/webhooks", hook | {"kind": "slack", "address": "https://hooks.slack.com/services/T0/B0/canary"})
    file = exported(caller)
    assert ("Ops (2):" in file, "slack" in file, "canary" in file) == (True, False, False)
    moved = sent(caller, f"{APPLY}?prune=true", file.replace("example.com/b", "example.com/c"))
    assert [change["name"] for change in moved["changes"]] == ["Ops (2)"]
    assert AlertEndpoint.objects.count() == 3
    assert AlertEndpoint.objects.get(url="https://hooks.example.com/c").name == "Ops (2)"


def test_a_requirement_that_a_value_meets_is_no_difference(owner, caller):
    store_secret(owner, environments=[S])
    file = exported(caller)
    assert "required_in: [staging]" in file
    assert sent(caller, PLAN, file)["changes"] == []
    more = file.replace("[staging]", "[staging, production]")
    (change,) = sent(caller, APPLY, more)["changes"]
    assert change["fields"] == {"required_in": [[], ["staging", "production"]]}
    assert caller.get("/secrets?status=missing")["items"][0]["name"] == "crm.apiKey"
    (change,) = sent(caller, APPLY, file)["changes"]
    assert change["fields"] == {"required_in": [["staging", "production"], ["staging"]]}


def test_a_plan_that_is_stale_is_told(owner, caller):
    plan = sent(caller, PLAN, FILE)["plan"]
    store_secret(owner, "crm.token")
    before = kept()
    path = f"{APPLY}?plan={plan}"
    assert caller.problem("POST", path, raw=FILE.encode()) == (409, "plan_stale")
    assert kept()[:3] == before[:3]
    other = FILE.replace("  crm.token:\n", "  crm.other:\n").replace("secrets.crm.token", "secrets.crm.other")
    plan = sent(caller, PLAN, other)["plan"]
    assert caller.problem("POST", f"{APPLY}?plan={plan}", raw=f"{other}    name: x\n".encode()) == (422, "invalid")
    changed = other.replace("Of the CRM", "Of no CRM").encode()
    assert caller.problem("POST", f"{APPLY}?plan={plan}", raw=changed) == (409, "plan_stale")
    assert caller.problem("POST", f"{APPLY}?prune=true&plan={plan}", raw=other.encode()) == (409, "plan_stale")


def section(name):
    """The part of the file that declares nothing else."""
    start = FILE.index(f"{name}:")
    ends = [FILE.index(f"\n{other}:", start) for other in SECTIONS if f"\n{other}:" in FILE[start:]]
    return f"version: 1\n{FILE[start : min(ends, default=len(FILE))]}\n"


def test_a_key_sees_and_changes_what_it_may(owner, caller, stranger):
    action = make_action(owner, "Elsewhere", environments=[Environment.PRODUCTION], uses="")
    store_secret(owner, "elsewhere.token", environments=[Environment.PRODUCTION])
    reader = Caller(key_for(owner, Scope.SECRETS_READ))
    assert reader.get("/configuration", accept="application/json").keys() == {"version", "secrets"}
    assert [change["name"] for change in sent(reader, PLAN, section("secrets"))["changes"]] == [
        "crm.token",
        "old.token",
    ]
    staging = Caller(key_for(owner, environments=[S]))
    assert exported(staging) == "version: 1\nsecrets: {}\nintegrations: {}\n"
    listed = Caller(key_for(owner, integrations=[action.pk]))
    whole = "version: 1\nintegrations:\n  Elsewhere: {kind: api_action, environments: [production], "
    whole += 'config: {base_url: "https://api.example.com", method: GET, path: /patients}}\n'
    assert sent(listed, APPLY, whole)["changes"] == []
    without_use = [scope for scope in Scope if scope is not Scope.SECRETS_USE]
    cases = {
        "no scope for secrets": (Caller(key_for(owner, Scope.INTEGRATIONS_WRITE)), section("secrets")),
        "no scope for integrations": (Caller(key_for(owner, Scope.SECRETS_WRITE)), section("integrations")),
        "no scope to write": (reader, section("secrets")),
        "webhooks": (staging, section("webhooks")),
        "values elsewhere": (staging, section("secrets")),
        "an environment elsewhere": (staging, section("integrations").replace("staging", "production")),
        "one more integration": (listed, section("integrations")),
        "a destination": (Caller(key_for(owner, *without_use)), FILE),
    }
    before = kept()[:3]

    def attempt(case):
        key, text = cases[case]
        assert key.problem("POST", APPLY, raw=text.encode()) == (403, "permission_denied")
        assert kept()[:3] == before

    assert failures(cases, attempt) == {}
    refused = AuditEvent.objects.filter(event="organization.configured", outcome="refused")
    assert not refused.exists()  # `failures` undoes what it tries
    attempt("webhooks")
    assert refused.get().target_label == owner.organization.name
    pruned = sent(staging, f"{APPLY}?prune=true", '{"version": 1, "secrets": {}, "integrations": {}}')
    assert (pruned["changes"], kept()[:3]) == ([], before)
    assert "Elsewhere" not in exported(stranger)


def test_in_use_is_refused_with_the_line(owner, caller):
    store_secret(owner)
    connector = make_connector(owner, environments=[S])
    make_connection(owner, auth_connector=str(connector.pk))
    file = f"version: 1\nintegrations:{exported(caller).partition('integrations:')[2].partition('webhooks:')[0]}"
    assert caller.problem("POST", f"{PLAN}?prune=true", raw=b"version: 1\nsecrets: {}") == (409, "secret_in_use")
    gone = file[: file.index("  CRM bearer token:")]
    errors = caller.call("POST", f"{APPLY}?prune=true", raw=gone.encode()).json()["errors"]
    assert [error["field"] for error in errors] == ["integrations.CRM API.config.auth_connector"]
    domains = b"version: 1\nsecrets:\n  crm.apiKey: {allowed_domains: [api.example.com]}\n"
    refused = caller.call("POST", APPLY, raw=domains).json()
    assert (refused["code"], {error["line"] for error in refused["errors"]}) == ("value_required", {3})


RULED = """\
version: 1
integrations:
  Look up patient:
    kind: api_action
    environments: [staging]
    config: {base_url: "https://api.example.com", method: GET, path: /patients}
"""
RULES = """\
    rules:
    - decision: ask
      environments: [production]
      keys: [Voice runtime]
      ask: {minutes: 5, approvers: [jonas@harbor.example]}
    - {decision: allow, limit: {calls: 5, per: day}}
"""


def test_rules_are_declared_by_name_and_stay_where_a_file_says_nothing(owner, caller):
    factories.ApiKeyFactory(organization=owner.organization, name="Voice runtime")
    factories.MembershipFactory(organization=owner.organization, user__email="jonas@harbor.example")
    sent(caller, APPLY, RULED + RULES)
    stored = Integration.objects.get().rules
    assert [rule["decision"] for rule in stored] == ["ask", "allow"]
    assert stored[0]["keys"] == [str(owner.organization.api_keys.get(name="Voice runtime").pk)]
    assert sent(caller, PLAN, RULED + RULES)["changes"] == []
    assert sent(caller, PLAN, RULED)["changes"] == []
    exported = caller.call("GET", "/configuration", accept="application/yaml").content.decode()
    assert "jonas@harbor.example" in exported
    assert sent(caller, PLAN, exported)["changes"] == []
    sent(caller, APPLY, RULED + "    rules: []\n")
    assert Integration.objects.get().rules == []


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        ("    rules:\n    - {decision: ask, keys: [Nobody]}\n", 8),
        ("    rules:\n    - {decision: never}\n", 8),
        ("    rules:\n    - {decision: deny, operation: refund}\n", 8),
        ("    rules:\n    - decision: ask\n      ask:\n        minutes: 0\n", 10),
    ],
)
def test_a_fault_in_a_rule_has_its_line(caller, rules, line):
    refused = caller.call("POST", PLAN, raw=(RULED + rules).encode())
    assert (refused.status_code, [error["line"] for error in refused.json()["errors"]]) == (422, [line])


def test_a_key_that_may_not_set_rules_applies_none(owner):
    manager = Caller(key_for(owner, Scope.INTEGRATIONS_WRITE))
    sent(manager, APPLY, RULED)
    refused = manager.call("POST", APPLY, raw=(RULED + "    rules:\n    - {decision: ask}\n").encode())
    assert (refused.status_code, Integration.objects.get().rules) == (403, [])
