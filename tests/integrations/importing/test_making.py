"""An import makes connection, connector, secrets and actions, through the services, all of them or nothing."""

import json

import pytest

from accounts.actors import actor_for_key
from accounts.common.environments import Environment
from accounts.errors import Invalid, PermissionDenied
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Scope
from integrations.importing.plan import ImportOptions, plan_import
from integrations.importing.reading import read_draft
from integrations.models import ApiImport, Integration
from secrets_app.models import Secret, SecretValue
from secrets_app.sealing import keyring
from tests.support.integrations.imports import CURL, DOCUMENT, KEYS, imported
from tests.support.things import key_for, make_connector, store_secret

pytestmark = pytest.mark.django_db

S = Environment.STAGING


def fields_of(refusal):
    return {error.field: error.message for error in refusal.value.errors}


def test_everything_is_made_and_tied_together(owner):
    result = imported(owner, environments=frozenset({S}))
    connection, connector = result.connection, result.connectors[0]
    assert (connection.name, connection.config["base_url"]) == ("Clinic CRM", "https://api.clinic.example.com/v1")
    assert (connector.name, connector.config["token"]) == ("Clinic CRM: token", "{secrets.clinic.token}")
    assert connection.auth_connector == connector
    listed, deleted = result.actions
    assert (listed.name, listed.connection, listed.auth_connector) == ("List contacts", connection, None)
    assert listed.config["parameters"]["properties"] == {"limit": {"type": "integer", "maximum": 50}}
    assert deleted.config["headers"] == [{"name": "X-Account-Key", "value": "{secrets.clinic.xAccountKey}"}]
    assert {each.name: each.allowed_domains for each in result.secrets} == {
        "clinic.token": ["api.clinic.example.com"],
        "clinic.xAccountKey": ["api.clinic.example.com"],
    }
    assert {each.environments for each in [connection, connector, listed, deleted]} == {frozenset({S})}
    created = AuditEvent.objects.filter(event__in=["integration.created", "secret.created"]).count()
    assert created == len(result.secrets) + Integration.objects.count() == 6


def test_a_credential_may_be_sent_to_the_host_of_an_operation_with_an_address_of_its_own(owner):
    upload = {"servers": [{"url": "https://upload.clinic.example.com/v1"}]}
    machine = {"security": [{"machine": []}], "servers": [{"url": "https://jobs.clinic.example.com"}]}
    paths = {"/contacts": {"get": {}}, "/files": {"post": upload}, "/jobs": {"post": machine}}
    keys = ("GET /contacts", "POST /files", "POST /jobs")
    result = imported(owner, json.dumps(DOCUMENT | {"paths": paths}), keys=keys)
    to_token_url = ["api.clinic.example.com"]
    assert {each.name: each.allowed_domains for each in result.secrets} == {
        "clinic.token": ["api.clinic.example.com", "upload.clinic.example.com"],
        "clinic.clientId": to_token_url,
        "clinic.clientSecret": to_token_url,
    }


def test_names_and_connectors_are_chosen(owner):
    mine = make_connector(owner, uses="clinic.mine")
    result = imported(
        owner,
        connection_name="Our CRM",
        base_url="https://eu.clinic.example.com",
        action_names={KEYS[0]: "Contacts"},
        connectors={"token": str(mine.pk), "account": "none"},
    )
    assert (result.connection.name, result.connection.auth_connector) == ("Our CRM", mine)
    assert [each.name for each in result.actions] == ["Contacts", "Delete a contact"]
    assert (result.secrets, result.connectors) == ([], [])


def test_names_that_are_taken_are_changed_unless_somebody_chose_them(owner):
    imported(owner)
    second = imported(owner)
    assert second.connection.name == "Clinic CRM (API)"
    assert second.actions[0].name == "List contacts (GET /contacts)"
    assert second.secrets == []
    with pytest.raises(Invalid) as refusal:
        imported(owner, connection_name="clinic crm (api)")
    assert list(fields_of(refusal)) == ["connection_name"]


def test_client_credentials_ask_for_the_scopes_of_the_chosen_operations(owner):
    document = DOCUMENT | {"security": [{"machine": ["read"]}]}
    connector = imported(owner, json.dumps(document), keys=KEYS[:1]).connectors[0]
    assert connector.config["token_url"] == "https://api.clinic.example.com/oauth/token"
    assert connector.config["scope"] == "read"


def test_credentials_of_a_curl_command_become_secrets(owner):
    result = imported(owner, CURL, keys=("POST /v1/contacts",), environments=frozenset({S}))
    assert [each.name for each in result.secrets] == ["clinic.token"]
    value = SecretValue.objects.select_related("data_key", "secret").get()
    assert (value.environment, keyring.unseal(value).expose()) == ("staging", "sk_live_4fG7hJ2kLm9Qw3Er")
    assert result.connectors[0].config == {"type": "bearer", "token": "{secrets.clinic.token}"}
    assert "sk_live" not in json.dumps([row.config for row in Integration.objects.all()])
    assert "sk_live" not in json.dumps(list(AuditEvent.objects.values_list("data", flat=True)))


def test_a_stored_secret_is_used_as_it_is(owner):
    store_secret(owner, "clinic.token", "another-value-of-mine")
    assert imported(owner, CURL, keys=("POST /v1/contacts",)).secrets == []
    assert SecretValue.objects.count() == 3


def test_only_those_may_import_who_may_create_all_of_it(owner, member):
    with pytest.raises(PermissionDenied):
        imported(member)
    key_for(owner, Scope.INTEGRATIONS_READ, Scope.INTEGRATIONS_WRITE, Scope.SECRETS_USE)
    key = actor_for_key(ApiKey.objects.select_related("organization").latest("created_at"))
    with pytest.raises(PermissionDenied):
        imported(key)
    assert Integration.objects.count() == 0
    store_secret(owner, "clinic.token")
    assert imported(key, keys=KEYS[:1]).secrets == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"keys": ()}, "operations"),
        ({"keys": ("GET /nowhere",)}, "operations"),
        ({"keys": [f"GET /{number}" for number in range(101)]}, "operations"),
        ({"base_url": "ftp://clinic.example.com"}, "base_url"),
        ({"action_names": {KEYS[0]: "x" * 101}}, f"operations.{KEYS[0]}"),
        ({"secret_names": {"clinic.token": "1 two"}}, "secret_names.clinic.token"),
        ({"connectors": {"token": "nobody"}}, "connectors.token"),
    ],
)
def test_what_cannot_be_made_is_named_and_nothing_is_made(owner, options, field):
    with pytest.raises(Invalid) as refusal:
        imported(owner, **options)
    assert list(fields_of(refusal)) == [field]
    assert (Integration.objects.count(), Secret.objects.count(), ApiImport.objects.count()) == (0, 0, 0)


def test_a_plan_writes_nothing(owner):
    plan = plan_import(owner, read_draft(json.dumps(DOCUMENT)), ImportOptions(operations=KEYS))
    assert ([each.name for each in plan.secrets], plan.errors) == (["clinic.token", "clinic.xAccountKey"], [])
    assert Integration.objects.count() == 0
