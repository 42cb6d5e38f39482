"""The table of destinations: which host gets which secret, kept up to date by every act."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import Environment
from integrations.editing.integrations import (
    IntegrationChanges,
    create_integration,
    delete_integration,
    duplicate_integration,
    update_integration,
)
from integrations.models import Integration, SecretDestination
from integrations.references.destinations import derive_for, sent_by
from integrations.references.replace import replace_references
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from tests import factories
from tests.support.things import (
    make_action,
    make_connection,
    make_connector,
    make_mcp_server,
    make_oauth,
    make_trunk,
    store_secret,
)

pytestmark = pytest.mark.django_db


def rows() -> set[tuple[str, str, str]]:
    """The name of the secret, the integration that sends it, and the host."""
    return set(SecretDestination.objects.values_list("reference__name", "integration__name", "host"))


def edit(actor, integration, **changes):
    """Change parts of the configuration, or other fields."""
    fields = {name: changes.pop(name) for name in ("enabled", "environments", "name") if name in changes}
    stored = Integration.objects.get(pk=integration.pk)
    config = {"config": {**stored.config, **changes}} if changes else {}
    return update_integration(actor=actor, integration_id=stored.pk, changes=IntegrationChanges(**config, **fields))


def sent(*integrations) -> set[tuple[str, str, str]]:
    """What `sent_by` says of these integrations."""
    found = sent_by(Integration.objects.filter(pk__in=[row.pk for row in integrations]))
    return {(each.secret, each.host, each.environment.value) for each in found}


def test_every_kind_sends_its_secrets_where_its_calls_go(owner):
    make_action(owner, base_url="https://API.Example.com:443/v1")
    make_connector(owner)
    make_oauth(owner, "https://auth.example.com")
    make_trunk(owner)
    make_mcp_server(owner, headers=[{"name": "X-Api-Key", "value": "{secrets.mcp.key}"}])
    create_integration(
        actor=owner,
        kind="calcom",
        name="Calendar",
        config={"api_key": "{secrets.calcom.key}", "event_type_id": 42, "time_zone": "Europe/Berlin"},
    )
    assert rows() == {
        ("crm.apiKey", "Look up patient", "api.example.com"),
        ("crm.clientId", "CRM sign-in", "auth.example.com"),
        ("crm.clientSecret", "CRM sign-in", "auth.example.com"),
        ("sip.password", "Primary trunk", "sip.test"),
        ("mcp.key", "CRM tools", "mcp.example.com"),
        ("calcom.key", "Calendar", "api.cal.com"),
    }


def test_connector_sends_where_its_users_call_also_through_a_connection(owner):
    connector = make_connector(owner)
    connection_ = make_connection(owner, auth_connector=str(connector.id))
    through = make_action(owner, "Through", uses="", base_url="", connection=str(connection_.id))
    directly = make_action(
        owner, "Directly", uses="", base_url="https://other.example.com", auth_connector=str(connector.id)
    )
    assert rows() == {
        ("crm.apiKey", "CRM API", "api.example.com"),
        ("crm.apiKey", "Through", "api.example.com"),
        ("crm.apiKey", "Directly", "other.example.com"),
    }
    edit(owner, connection_, base_url="https://moved.example.com")
    edit(owner, directly, enabled=False)
    assert rows() == {
        ("crm.apiKey", "CRM API", "moved.example.com"),
        ("crm.apiKey", "Through", "moved.example.com"),
        ("crm.apiKey", "Directly", "other.example.com"),
    }
    edit(owner, connector, token="{secrets.crm.other}")
    assert {name for name, _, _ in rows()} == {"crm.other"}
    edit(owner, connection_, auth_connector=None)
    assert rows() == {("crm.other", "Directly", "other.example.com")}
    edit(owner, through, auth_connector=str(connector.id))
    assert ("crm.other", "Through", "moved.example.com") in rows()


def test_secrets_of_an_oauth_connector_go_to_its_token_url_alone(owner):
    connector = make_oauth(owner, "https://auth.example.com")
    header = {"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}
    make_action(owner, headers=[header], auth_connector=str(connector.id))
    of_action = {(name, host) for name, integration, host in rows() if integration == "Look up patient"}
    assert of_action == {
        ("crm.apiKey", "api.example.com"),
        ("crm.clientId", "auth.example.com"),
        ("crm.clientSecret", "auth.example.com"),
    }
    edit(owner, connector, token_url="https://elsewhere.example.com/token")
    assert {host for name, _, host in rows() if name == "crm.clientSecret"} == {"elsewhere.example.com"}


def test_copies_renames_replacements_and_deletions_are_followed(owner):
    first, second = store_secret(owner), store_secret(owner, "crm.second")
    action = make_action(owner)
    make_connector(owner)
    copy = duplicate_integration(actor=owner, integration_id=action.id)
    assert rows() == {
        ("crm.apiKey", "Look up patient", "api.example.com"),
        ("crm.apiKey", copy.name, "api.example.com"),
    }
    update_secret(actor=owner, secret_id=first.id, changes=SecretChanges(name="crm.first"))
    assert {name for name, _, _ in rows()} == {"crm.first"}
    replace_references(actor=owner, secret_id=first.id, replacement_id=second.id)
    assert {name for name, _, _ in rows()} == {"crm.second"}
    delete_integration(actor=owner, integration_id=action.id)
    delete_integration(actor=owner, integration_id=copy.id)
    assert rows() == set()


def test_what_is_sent_counts_enabled_integrations_and_their_environments(owner):
    secret = store_secret(owner)
    action = make_action(owner, environments=[Environment.STAGING, Environment.PRODUCTION])
    waiting = make_action(owner, "Waiting", uses="not.yet")
    assert sent(action, waiting) == {
        (secret.name, "api.example.com", "staging"),
        (secret.name, "api.example.com", "production"),
    }
    edit(owner, action, enabled=False)
    assert sent(action) == set()


def test_a_connector_with_many_users_costs_few_statements(owner):
    connector = make_connector(owner)
    for number in range(5):
        make_action(owner, f"Action {number}", uses="", auth_connector=str(connector.id))
    SecretDestination.objects.all().delete()
    with CaptureQueriesContext(connection) as captured:
        derive_for([connector.pk])
    assert len(rows()) == 5
    assert len(captured) <= 5
    with CaptureQueriesContext(connection) as captured:
        derive_for([connector.pk])
    assert len(captured) <= 3


def test_database_refuses_a_row_that_joins_two_organizations(owner):
    action = make_action(owner)
    foreign = factories.SecretReferenceFactory()
    for reference in (foreign, action.references.get()):
        with pytest.raises(IntegrityError), transaction.atomic():
            SecretDestination.objects.create(
                organization=foreign.organization, reference=reference, integration=action, host="a.example.com"
            )
