"""The bounds of an API key bind every act: each operation of the API, tried with keys that are bound elsewhere.

The secret has a value in Production alone and is used there alone, by the integrations that run there alone. A key that
is bound to other environments or integrations changes nothing, and no list of its shows anything of them.
"""

import json
import re
from uuid import UUID, uuid4

import pytest

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.models import AuditEvent
from accounts.policy import Scope
from integrations.models import AgentTool, Integration, RemoteTool, SecretReference
from secrets_app.editing.secrets import set_enabled
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.rotation import stage
from tests import factories
from tests.fixtures.api import Caller
from tests.support.api.operations import COMMAND, IMPORT, OPERATIONS, REPLACE, ROTATION
from tests.support.things import (
    endpoint_with_delivery,
    key_for,
    make_action,
    make_connection,
    make_import_of,
    make_mcp_server,
    store_secret,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]
LIVE = [Environment.PRODUCTION]
BODIES = {
    ("POST", "/secrets"): {"name": "new", "values": {"production": "a-value-of-some-length"}},
    ("POST", "/secrets/import"): {"environment": "production", "dotenv": "NEW_KEY=value-of-it"},
    ("POST", "/integrations/{integration_id}/run"): {"environment": "production"},
    ("POST", "/integrations/{integration_id}/test"): {"environment": "production"},
    ("POST", "/integrations/{integration_id}/tools"): {"environment": "production"},
    ("POST", "/imports"): {**IMPORT, "environments": ["production"]},
    ("POST", "/imports/{import_id}/update"): {"document": f"{COMMAND}/new", "switch_off": ["GET /v1/contacts"]},
    ("POST", "/configuration/apply"): {"version": 1, "secrets": {"crm.apiKey": {"enabled": False}}},
    ("PUT", "/secrets/by-name/{secret_name}"): {"enabled": False},
    ("PUT", "/integrations/by-name/{integration_name}"): {
        "kind": "api_action",
        "config": {"base_url": "https://b.example.com", "method": "GET"},
    },
    ("PATCH", "/secrets/{secret_id}"): {"enabled": False},
    ("PATCH", "/integrations/{integration_id}"): {"enabled": False},
}
"""Bodies that reach into Production, where the body of the table does not."""
ELSEWHERE = {
    ("POST", "/integrations"),
    ("POST", "/sessions"),
    ("POST", "/configuration/plan"),
    ("POST", "/integrations/{integration_id}/rules/try"),
    ("POST", "/imports/preview"),
    ("POST", "/imports/{import_id}/preview"),
}
"""What a key that is bound to another environment may do, because it concerns no environment or only its own."""
READS_ONE = {
    ("GET", "/secrets/{secret_id}"),
    ("GET", "/secrets/by-name/{secret_name}"),
    ("GET", "/integrations/{integration_id}"),
    ("GET", "/integrations/by-name/{integration_name}"),
    ("GET", "/integrations/{integration_id}/operations"),
    ("GET", "/integrations/{integration_id}/agent-tools"),
}
"""Whoever knows an id may read the thing; what it holds is no value."""
LISTS = [row for row in OPERATIONS if row[0] == "GET" and row not in READS_ONE]
CHANGES = [row for row in OPERATIONS if row[0] != "GET" and row not in ELSEWHERE]
MORE_CHANGES = [
    ("PATCH", "/secrets/{paused}", {"enabled": True}),
    ("PATCH", "/secrets/{secret_id}", {"name": "another"}),
    (
        "PATCH",
        "/secrets/{secret_id}",
        {"allowed_domains": ["a.example.com"], "values": {"production": "x-value-of-it"}},
    ),
    ("PATCH", "/secrets/{secret_id}", {"values": {"production": "another-value-of-it"}}),
    ("PATCH", "/secrets/{secret_id}", {"values": {"production": None}}),
    ("PATCH", "/integrations/{integration_id}", {"config": {"base_url": "https://b.example.com", "method": "GET"}}),
    ("PATCH", "/integrations/{integration_id}", {"environments": []}),
    ("PATCH", "/integrations/{integration_id}", {"environments": ["development"]}),
]


@pytest.fixture
def world(owner):
    """What lives in Production, by the parts of a path."""
    secret, other = store_secret(owner, environments=LIVE), store_secret(owner, "crm.other", environments=LIVE)
    action = make_action(owner, environments=LIVE)
    paused = store_secret(owner, "crm.paused", environments=LIVE)
    make_action(owner, "Paused", uses="crm.paused", environments=LIVE)
    set_enabled(actor=owner, secret_id=paused.id, enabled=False)
    server = make_mcp_server(owner, environments=LIVE)
    RemoteTool.objects.create(
        integration=server, name="search", approved_fingerprint="a" * 64, approved_by="x", approved_at=action.created_at
    )
    stage(actor=owner, secret_id=secret.id, environment=LIVE[0], value=Plaintext("a-staged-value-of-it"))
    endpoint_id, delivery_id = endpoint_with_delivery(owner)
    run = factories.RunFactory(
        organization=owner.organization,
        integration_id=action.id,
        integration_name=action.name,
        environment="production",
    )
    held = factories.ApprovalFactory(
        organization=owner.organization, integration_id=action.id, integration_name=action.name
    )
    return {
        "approval_id": held.pk,
        "secret_id": secret.id,
        "secret_name": secret.name,
        "integration_id": action.id,
        "integration_name": action.name,
        "import_id": make_import_of(owner, environments=LIVE).pk,
        "tool_id": action.agent_tools.get().id,
        "endpoint_id": endpoint_id,
        "delivery_id": delivery_id,
        "server": server.id,
        "run_id": run.pk,
        "environment": "production",
        "other": str(other.id),
        "paused": str(paused.id),
    }


def bound_keys(owner: Actor) -> dict[str, Caller]:
    other = make_action(owner, "Other", uses="", environments=list(Environment))
    bounds = {
        "development": {"environments": [Environment.DEVELOPMENT]},
        "development and staging": {"environments": [Environment.DEVELOPMENT, Environment.STAGING]},
        "another integration": {"integrations": [other.id]},
        "an integration that is gone": {"integrations": [uuid4()]},
    }
    return {name: Caller(key_for(owner, *Scope, **some)) for name, some in bounds.items()}


def address(path: str, world: dict[str, object]) -> str:
    of_tools = "server" if "/tools" in path else "integration_id"
    ids = {"session_id": uuid4(), **world, "integration_id": world[of_tools]}
    return re.sub(r"\{(\w+)\}", lambda part: str(ids[part[1]]), path)


def state() -> list[object]:
    """Everything that an act could change."""
    return [
        list(Secret.objects.order_by("pk").values_list("pk", "name", "enabled", "version", "description")),
        list(SecretValue.objects.order_by("pk").values_list("pk", "state")),
        list(Integration.objects.order_by("pk").values_list("pk", "name", "enabled", "version")),
        list(SecretReference.objects.order_by("pk").values_list("pk", "name")),
        list(AgentTool.objects.order_by("pk").values_list("pk", "read_only")),
        list(RemoteTool.objects.order_by("pk").values_list("pk", "approved_fingerprint")),
        AuditEvent.objects.filter(outcome="done").count(),
    ]


def rows() -> list[tuple[str, str, object]]:
    given = [(*row, BODIES.get(row, OPERATIONS[row][1])) for row in CHANGES]
    return [*given, *MORE_CHANGES]


def is_within(name: str, method: str, path: str, body: object) -> bool:
    """Whether an act is within the bounds of a key for other integrations.

    Such a key may make secrets and write their values, for a value belongs to an environment and to no integration; a
    check of a value calls only the integrations that the key sees.
    """
    makes = (method, path) in {("POST", "/secrets"), ("POST", "/secrets/import")}
    writes = path.startswith(ROTATION) or (isinstance(body, dict) and set(body) == {"values"})
    return "integration" in name and (makes or writes)


def test_no_bound_key_changes_what_lives_elsewhere(owner, world):
    keys, before, wrong = bound_keys(owner), state(), []
    for name, caller in keys.items():
        for method, path, body in rows():
            if is_within(name, method, path, body):
                continue
            sent = {"replacement": world["other"]} if (method, path) == REPLACE else body
            response = caller.call(method, address(path, world), sent)
            if response.status_code not in {403, 404} or state() != before:
                wrong.append((name, method, path, body, response.status_code, response.content[:200]))
    assert not wrong, "\n".join(map(str, wrong))


def test_no_list_of_a_bound_key_shows_what_lives_elsewhere(owner, world):
    hidden = {str(world["integration_id"]), str(world["server"]), "Look up patient"}
    found = []
    for name, caller in bound_keys(owner).items():
        for method, path in LISTS:
            if path == "/audit-events":
                continue
            text = json.dumps(caller.call(method, address(path, world), accept="application/json").json())
            marks = hidden | ({str(world["secret_id"])} if "develop" in name else set())
            found += [(name, path, mark) for mark in marks if mark in text]
    assert found == []


def test_audit_log_of_a_bound_key_leaves_out_other_environments(owner, world):
    caller = Caller(key_for(owner, Scope.AUDIT_READ, environments=[Environment.STAGING]))
    shown = {event["event"] for event in caller.get("/audit-events")["items"]}
    assert "secret.staged" not in shown
    assert "secret.staged" in {event["event"] for event in Caller(key_for(owner)).get("/audit-events")["items"]}
    text = caller.call("GET", "/audit-events", accept="text/csv")
    assert b"secret.staged" not in b"".join(text.streaming_content)


def test_a_key_within_its_bounds_may_do_it_all(owner, world):
    """The same bodies work for a key of Production and these integrations."""
    ids: list[UUID] = [world["integration_id"], world["server"]]
    caller = Caller(key_for(owner, *Scope, environments=LIVE, integrations=ids))
    assert caller.patch(f"/secrets/{world['secret_id']}", {"enabled": False})["status"] == "disabled"
    assert caller.patch(f"/secrets/{world['secret_id']}", {"enabled": True})["status"] == "active"
    assert caller.patch(f"/integrations/{world['integration_id']}", {"description": "x"})["description"] == "x"
    assert {run["environment"] for run in caller.get("/runs")["items"]} == {"production"}
    assert caller.call("DELETE", f"/integrations/{world['integration_id']}").status_code == 204


def test_a_shared_connection_is_bound_by_its_users(owner):
    """It runs in Development itself; an action of Production uses it."""
    connection = make_connection(owner, environments=[Environment.DEVELOPMENT])
    make_action(owner, uses="", base_url="", connection=str(connection.id), environments=LIVE)
    caller = Caller(key_for(owner, *Scope, environments=[Environment.DEVELOPMENT]))
    for body in ({"enabled": False}, {"config": {"base_url": "https://b.example.com"}}):
        assert caller.problem("PATCH", f"/integrations/{connection.id}", body) == (403, "permission_denied")
