"""Files that are refused: each fault with its field and line, and nothing half-applied."""

import pytest

from accounts.errors import Refusal
from accounts.models import AuditEvent
from integrations.alerts import endpoints
from integrations.declared import configuration
from integrations.declared.writing import as_json
from integrations.models import Integration
from secrets_app.models import Secret
from tests.support.databases.undone import failures
from tests.support.things import make_action, make_connection, make_connector, store_secret

pytestmark = pytest.mark.django_db

KEY = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"

CONNECTOR = "kind: auth_connector, config: {type: bearer, token: '{secrets.crm.apiKey}'}"
ACTION = "kind: api_action, config: {base_url: 'https://api.example.com', method: GET"

# The file after its first line, and the faults: field and line.
REFUSED = {
    "an unknown section": ("sekrets: {}", [("sekrets", 2)]),
    "an unknown field": ("secrets:\n  a.b:\n    nmae: x", [("secrets.a.b.nmae", 4)]),
    "an unknown field of a configuration": (
        f"integrations:\n  A:\n    {{{ACTION},\n      pth: /}}}}",
        [("integrations.A.config.pth", 5)],
    ),
    "a field of the wrong type": ("secrets:\n  a.b:\n    enabled: 'true'", [("secrets.a.b.enabled", 4)]),
    "an interval that is none": ("secrets:\n  a.b: {rotate_every_days: 0}", [("secrets.a.b.rotate_every_days", 3)]),
    "another environment": ("secrets:\n  a.b: {required_in: [live]}", [("secrets.a.b.required_in[0]", 3)]),
    "a domain that is none": (
        "secrets:\n  a.b:\n    allowed_domains:\n    - 10.0.0.1", [("secrets.a.b.allowed_domains[0]", 5)]
    ),
    "a name that is none": ("secrets:\n  a b: {}", [("secrets.a b.name", 3)]),
    "a section without members": ("secrets:", [("secrets", 2)]),
    "a stored name in another case": ("secrets:\n  CRM.ApiKey: {}", [("secrets.CRM.ApiKey", 3)]),
    "a name in two cases": ("secrets:\n  a.b: {}\n  A.B: {}", [("secrets.A.B", 4)]),
    "an integration in another case": (
        f"integrations:\n  look up patient: {{{ACTION}}}}}", [("integrations.look up patient", 3)]
    ),
    "another kind": (f"integrations:\n  Look up patient: {{{CONNECTOR}}}", [("integrations.Look up patient.kind", 3)]),
    "no such kind": ("integrations:\n  A: {kind: pager, config: {}}", [("integrations.A.kind", 3)]),
    "a connection that is none": (
        "integrations:\n  A:\n    kind: api_action\n    config:\n      method: GET\n      connection: CRM bearer token",
        [("integrations.A.config.connection", 7)],
    ),
    "a connection that is itself": (
        "integrations:\n  A: {kind: api_connection, config: {base_url: 'https://a.example.com', auth_connector: A}}",
        [("integrations.A.config.auth_connector", 3)],
    ),
    "two that need each other": (
        "integrations:\n  A: {kind: api_connection, config: {base_url: 'https://a.example.com', auth_connector: B}}\n"
        "  B: {kind: api_connection, config: {base_url: 'https://a.example.com', auth_connector: A}}",
        [("integrations.A.config.auth_connector", 3), ("integrations.B.config.auth_connector", 4)],
    ),
    "a document that contains itself": ("secrets: &a\n  a.b: *a", [("secrets.a.b", 3)]),
    "a value": ("secrets:\n  a.b:\n    value: correct-horse-battery", [("secrets.a.b.value", 4)]),
    "a key in a description": (f"secrets:\n  a.b:\n    description: {KEY}", [("secrets.a.b.description", 4)]),
    "a key in an address": (
        f"webhooks:\n  A:\n    events: [secret.created]\n    address: https://hooks.example.com/{KEY}",
        [("webhooks.A.address", 5)],
    ),
    "a key in a header": (
        f"integrations:\n  A:\n    {{{ACTION}, headers: [\n      {{name: X-Key,\n      value: {KEY}}}]}}}}",
        [("integrations.A.config.headers[0].value", 6)],
    ),
    "an address inside": (
        "integrations:\n  A: {kind: api_connection, config: {base_url: 'http://10.0.0.1'}}",
        [("integrations.A.config.base_url", 3)],
    ),
    "an event that is none": (
        "webhooks:\n  A: {address: 'https://hooks.example.com', events: [secret.read]}", [("webhooks.A.events", 3)]
    ),
    "a channel": ("webhooks:\n  A: {kind: slack, events: [secret.created]}", [("webhooks.A.kind", 3)]),
    "a disabled secret": (
        "integrations:\n  A: {kind: auth_connector, config: {type: bearer, token: '{secrets.off}'}}",
        [("integrations.A.config.token", 3)],
    ),
    "an alias too often": (
        "secrets:\n  a.b:\n    description: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"    {chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(7)),
        [("secrets.a.b.f[3]", 9)],
    ),
    "too much": (f"secrets:\n  a.b: {{description: '{'x' * 2_700_000}'}}", [("document", None)]),
}  # fmt: skip


def counted():
    return Secret.objects.count(), Integration.objects.count(), AuditEvent.objects.count()


@pytest.fixture
def there(owner):
    """What is stored already."""
    store_secret(owner, allowed_domains=["api.example.com"])
    store_secret(owner, "off", enabled=False)
    make_connector(owner)
    make_action(owner, uses="")


def test_every_fault_has_its_field_and_line_and_nothing_is_applied(owner, there):
    before = counted()

    def attempt(case):
        text, faults = REFUSED[case]
        written = f"version: 1\n{text}\n".encode()
        for act in (configuration.make_plan, configuration.apply):
            with pytest.raises(Refusal) as refused:
                act(owner, written, prune=False)
            errors = refused.value.errors
            assert [(error.field, error.line or None) for error in errors] == faults
            assert all(error.message for error in errors)
            assert KEY not in f"{refused.value.detail} {errors}"
            assert counted() == before

    assert failures(REFUSED, attempt) == {}


def test_what_is_no_configuration_is_refused(owner):
    several, tagged = b"version: 1\n---\nversion: 1", b"version: !!int 1"
    for written in (b"", b"[]", b"version: 2", b"secrets: {}", several, tagged, b"\xff"):
        with pytest.raises(Refusal) as refused:
            configuration.apply(owner, written, prune=True)
        assert refused.value.errors


def test_one_fault_of_many_undoes_all(owner):
    written = (
        f"version: 1\nsecrets:\n  a.b: {{}}\nintegrations:\n  A: {{{CONNECTOR}}}\n  B: {{{ACTION}, path: 'x'}}}}\n"
    )
    before = counted()
    with pytest.raises(Refusal) as refused:
        configuration.apply(owner, written.encode(), prune=False)
    assert ([error.field for error in refused.value.errors], counted()) == (["integrations.B.config.path"], before)


def test_what_looks_like_a_credential_may_be_accepted(owner):
    header = f"headers: [{{name: X-Key, value: {KEY}}}]"
    written = f"version: 1\nsecrets: {{a.b: {{description: {KEY}}}}}\nintegrations:\n  A: {{{ACTION}, {header}}}}}\n"
    configuration.apply(owner, written.encode(), prune=False, accept_raw_credentials=True)
    created = AuditEvent.objects.get(event="integration.created")
    assert created.data["raw_credentials"][0][0] == "config.headers[0].value"
    assert configuration.make_plan(owner, written.encode(), prune=True).changes == []


def test_a_webhook_that_is_left_out_is_deleted_only_with_its_section(owner, monkeypatch):
    monkeypatch.setattr(endpoints, "AT_MOST", 1)
    hook = b"version: 1\nwebhooks:\n  A: {address: 'https://a.example.com/x', events: [secret.created]}\n"
    configuration.apply(owner, hook, prune=True)
    configuration.apply(owner, b"version: 1\nsecrets: {}", prune=True)
    other = hook.replace(b"A:", b"B:")
    assert [change.action for change in configuration.apply(owner, other, prune=True).changes] == ["create", "delete"]
    plan = configuration.make_plan(owner, b"version: 1\nwebhooks: {}", prune=True)
    assert [change.name for change in plan.changes] == ["B"]


def test_connections_and_what_uses_them_change_together(owner):
    """Each half alone would set a header twice."""
    connection = make_connection(owner, headers=[{"name": "X-A", "value": "1"}])
    connector = make_connector(owner, "Key")
    make_action(
        owner, uses="", base_url="", connection=str(connection.pk), headers=[], auth_connector=str(connector.pk)
    )
    content = configuration.export(owner)
    content["integrations"]["Key"]["config"] = {
        "type": "api_key",
        "in": "header",
        "name": "X-A",
        "value": "{secrets.crm.apiKey}",
    }
    content["integrations"]["CRM API"]["config"]["headers"] = [{"name": "X-B", "value": "1"}]
    configuration.apply(owner, as_json(content).encode(), prune=False)
    assert configuration.export(owner) == content
