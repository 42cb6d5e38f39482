"""The list of integrations: states, filters, pages; and how little of it a member sees."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.models import Integration
from integrations.readiness import overview
from integrations.readiness.overview import IntegrationFilters
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "/o/harbor-clinics/integrations/"
BEARER = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
CONFIG = {"base_url": "https://api.example.com", "method": "GET", "path": "/me", "headers": BEARER}


def action(owner, name="Look up patient", environments=(Environment.STAGING,), **config):
    return create_integration(
        actor=owner,
        kind="api_action",
        name=name,
        description="Finds a patient",
        environments=environments,
        config=CONFIG | config,
    )


def connector(owner, **changes):
    fields = {"name": "CRM token", "environments": [Environment.STAGING], **changes}
    config = {"type": "bearer", "token": "{secrets.crm.apiKey}"}
    return create_integration(actor=owner, kind="auth_connector", config=config, **fields)


@pytest.fixture
def secret(owner):
    values = {Environment.STAGING: Plaintext("canary-of-the-list-77aa")}
    return create_secret(actor=owner, name="crm.apiKey", values=values)


def shown(owner, integration):
    row = overview.one(owner, integration.id)
    return row.state, row.state_note


# What works


def test_row_shows_state_host_environments_and_secrets(as_owner, owner, secret):
    action(owner)
    page = as_owner.get(LIST).content.decode()
    for text in ("Look up patient", "GET api.example.com/me", "Working", "crm.apiKey", "Staging: in use", "Never"):
        assert text in page
    assert f"/secrets/{secret.id}/edit/" in page


def test_action_shows_the_secret_of_its_connector(owner, secret):
    by_connector = action(owner, headers=[], auth_connector=str(connector(owner).id))
    assert [used.name for used in overview.one(owner, by_connector.id).secrets] == ["crm.apiKey"]


def test_missing_secret_links_to_its_creation(as_owner, owner):
    action(owner)
    page = as_owner.get(LIST).content.decode()
    assert "Failing" in page
    assert "/secrets/new/?name=crm.apiKey" in page


def test_state_follows_what_would_stop_a_run(owner, secret):
    integration = action(owner)
    assert shown(owner, integration) == ("ready", "")
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    assert shown(owner, integration) == ("paused", "A secret is disabled")
    set_enabled(actor=owner, secret_id=secret.id, enabled=True)
    update_integration(
        actor=owner, integration_id=integration.id, changes=IntegrationChanges(environments=list(Environment))
    )
    assert shown(owner, integration) == ("failing", "A secret is missing")
    update_integration(actor=owner, integration_id=integration.id, changes=IntegrationChanges(enabled=False))
    assert shown(owner, integration) == ("paused", "")


def test_state_follows_the_domains_of_the_secret(owner):
    values = {Environment.STAGING: Plaintext("canary-of-the-list-77aa")}
    create_secret(actor=owner, name="crm.apiKey", values=values, allowed_domains=["other.example.com"])
    assert shown(owner, action(owner)) == ("failing", "A secret may not go to its host")


def test_state_follows_the_connector(owner, secret):
    auth = connector(owner)
    integration = action(owner, headers=[], auth_connector=str(auth.id))
    update_integration(
        actor=owner, integration_id=auth.id, changes=IntegrationChanges(environments=[Environment.PRODUCTION])
    )
    assert shown(owner, integration)[0] == "failing"
    update_integration(actor=owner, integration_id=auth.id, changes=IntegrationChanges(enabled=False))
    assert shown(owner, integration) == ("paused", "Its auth connector is disabled")


def test_without_an_environment_it_is_paused(owner):
    assert shown(owner, action(owner, environments=[])) == ("paused", "No environment is chosen")


def test_name_that_is_judged_at_run_does_not_fail_before(owner, secret):
    assert shown(owner, action(owner, base_url="http://intranet.example.com"))[0] == "ready"


@pytest.mark.parametrize("outcome", ["succeeded", "upstream_error", "refused", "failed", "started"])
def test_last_run_is_told_by_its_outcome(owner, secret, outcome):
    integration = action(owner)
    factories.RunFactory(organization=owner.organization, integration_id=integration.id, outcome=outcome)
    assert overview.one(owner, integration.id).last_run_failed == (outcome not in {"succeeded", "started"})


def test_state_follows_what_runs_said_in_each_environment(owner, secret):
    values = {environment: Plaintext("canary-of-the-list-77aa") for environment in Environment}
    create_secret(actor=owner, name="other.key", values=values)
    header = [{"name": "X-Key", "value": "{secrets.other.key}"}]
    integration = action(owner, environments=list(Environment), headers=header)
    said = {"integration": integration, "organization": owner.organization}
    factories.IntegrationStateFactory(**said)
    assert shown(owner, integration) == ("working", "")
    factories.IntegrationStateFactory(**said, environment="production", failing=True, status=401)
    factories.IntegrationStateFactory(**said, environment="development", failing=True, error_code="secret_missing")
    row = overview.one(owner, integration.id)
    assert (row.state, row.failing_in) == ("failing", [Environment.PRODUCTION])
    assert row.state_note == "The other side answered 401: it refuses the credential"
    update_integration(
        actor=owner, integration_id=integration.id, changes=IntegrationChanges(environments=[Environment.STAGING])
    )
    assert shown(owner, integration) == ("working", "")


def test_all_environments_in_which_it_fails_are_named(owner, secret):
    row = overview.one(owner, action(owner, environments=list(Environment)).id)
    assert (row.state, row.failing_in) == ("failing", [Environment.DEVELOPMENT, Environment.PRODUCTION])


def test_counts_are_of_the_whole_organization(owner, secret, outsider):
    action(owner)
    action(owner, "Paused one", environments=[])
    create_integration(actor=outsider, kind="auth_connector", name="x", config={"type": "bearer", "token": "x"})
    assert overview.counts(owner) == {"all": 2, "ready": 1, "working": 0, "failing": 0, "paused": 1}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (IntegrationFilters(), ["Charge card", "Look up patient", "CRM token"]),
        (IntegrationFilters(kind="auth_connector"), ["CRM token"]),
        (IntegrationFilters(state="failing"), ["Charge card"]),
        (IntegrationFilters(text="stripe.com"), ["Charge card"]),
        (IntegrationFilters(text="CRM.APIKEY"), ["Look up patient", "CRM token"]),
        (IntegrationFilters(text="patient", state="paused"), []),
    ],
)
def test_filters_narrow(owner, secret, filters, names):
    action(owner)
    charge = [{"name": "Authorization", "value": "{secrets.stripe_key}"}]
    create_integration(
        actor=owner,
        kind="api_action",
        name="Charge card",
        environments=[Environment.STAGING],
        config=CONFIG | {"base_url": "https://api.stripe.com", "headers": charge},
    )
    connector(owner)
    assert [row.name for row in overview.page(owner, filters).items] == names


@pytest.mark.parametrize("filters", [IntegrationFilters(), IntegrationFilters(state="paused")])
def test_pages_follow_each_other_without_gap_or_repeat(owner, filters):
    for number in range(5):
        action(owner, f"Action {number}", environments=[])
    connector(owner, environments=[])
    seen, cursor = [], ""
    while cursor is not None:
        page = overview.page(owner, filters, cursor=cursor, limit=2)
        seen += [row.name for row in page.items]
        cursor = page.next_cursor
    assert seen == [*(f"Action {number}" for number in range(5)), "CRM token"]


def test_next_page_is_linked_with_the_filters(as_owner, organization):
    for number in range(DEFAULT_LIMIT + 1):
        factories.IntegrationFactory(organization=organization, name=f"Action {number:02}")
    page = as_owner.get(LIST, {"kind": "api_action"})
    assert page.context["next_url"].startswith(f"{LIST}?kind=api_action&cursor=")
    rest = as_owner.get(page.context["next_url"])
    assert [row.name for group in rest.context["groups"] for row in group["rows"]] == [f"Action {DEFAULT_LIMIT}"]
    assert rest.context["next_url"] == ""


def test_htmx_gets_the_table_alone(as_owner, owner):
    action(owner)
    headers = {"HX-Request": "true"}
    assert "<html" not in as_owner.get(LIST, headers=headers).content.decode()
    assert "<html" in as_owner.get(LIST, headers=headers | {"HX-History-Restore-Request": "true"}).content.decode()


def test_empty_list_and_empty_result_say_what_to_do(as_owner, owner):
    assert "No integrations yet" in as_owner.get(LIST).content.decode()
    action(owner)
    nothing = as_owner.get(LIST, {"q": "nothing of this kind"}).content.decode()
    assert "Clear search and filters" in nothing


@pytest.mark.parametrize("query", [{}, {"state": "working"}])
def test_list_costs_the_same_for_one_row_and_for_three(as_owner, owner, secret, query):
    auth = str(connector(owner).id)
    action(owner, headers=[], auth_connector=auth)
    with CaptureQueriesContext(connection) as one:
        as_owner.get(LIST, query)
    action(owner, "Second", headers=[], auth_connector=auth)
    action(owner, "Third", environments=list(Environment))
    with CaptureQueriesContext(connection) as three:
        as_owner.get(LIST, query)
    assert len(three) == len(one)


# Who may not


def test_member_sees_names_kinds_and_descriptions_and_nothing_else(as_member, owner, secret):
    integration = action(owner)
    page = as_member.get(LIST).content.decode()
    assert "Look up patient" in page
    assert "Finds a patient" in page
    assert "API actions" in page
    for hidden in ("crm.apiKey", "api.example.com", "Working", "Last run", str(integration.id), "New integration"):
        assert hidden not in page


@pytest.mark.parametrize("query", [{"q": "crm.apiKey"}, {"q": "api.example.com"}])
def test_member_cannot_find_out_by_searching(as_member, owner, secret, query):
    action(owner)
    assert "Look up patient" not in as_member.get(LIST, query).content.decode()


def test_member_cannot_narrow_by_state(as_member, owner):
    action(owner)
    assert "Look up patient" in as_member.get(LIST, {"state": "working"}).content.decode()


def test_outsider_finds_no_list(as_outsider):
    assert as_outsider.get(LIST).status_code == 404


# What is malformed


@pytest.mark.parametrize("query", [{"state": "bogus"}, {"kind": "bogus"}, {"q": "\0"}])
def test_unknown_filter_narrows_nothing(as_owner, owner, query):
    action(owner)
    assert "Look up patient" in as_owner.get(LIST, query).content.decode()


@pytest.mark.parametrize("cursor", ["bogus", "e30", "WzEsMl0", "%00"])
def test_cursor_of_another_list_is_refused(as_owner, organization, cursor):
    assert as_owner.get(LIST, {"cursor": cursor}).status_code == 422


def test_reading_writes_nothing(as_owner, owner, secret):
    action(owner)
    before = list(Integration.objects.values())
    with CaptureQueriesContext(connection) as queries:
        as_owner.get(LIST)
    assert list(Integration.objects.values()) == before
    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
