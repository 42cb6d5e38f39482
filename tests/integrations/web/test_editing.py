"""Writing and deleting integrations on their pages: what is typed is stored, or comes back whole with the reasons."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.common.environments import Environment
from integrations.editing.integrations import create_integration
from integrations.models import Integration
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext
from tests.support.web.integration_forms import (
    ACTION,
    CONFIG,
    CONNECTOR,
    DOMAIN_CHECK,
    LIST,
    NEW_ACTION,
    NEW_CONNECTOR,
    OAUTH,
    errors_of,
    page_of,
)
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db


# What works


def test_new_action_is_stored_as_typed(as_owner, organization):
    response = as_owner.post(NEW_ACTION, ACTION)
    stored = Integration.objects.get()
    assert (response.status_code, response.url) == (303, page_of(stored))
    assert stored.config == CONFIG
    assert stored.environments == {Environment.STAGING, Environment.PRODUCTION}
    assert (stored.name, stored.description, stored.enabled) == ("Look up patient", "Finds a patient", True)


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"body_type": "none"}, {"type": "none", "content": None}),
        ({"body_type": "text", "body_content": "a\r\nb"}, {"type": "text", "content": "a\nb"}),
        (
            {"body_type": "form", "form_name": ["a", ""], "form_value": ["{params.phone}", ""]},
            {"type": "form", "content": [{"name": "a", "value": "{params.phone}"}]},
        ),
    ],
)
def test_each_type_of_body_is_stored(as_owner, organization, fields, body):
    as_owner.post(NEW_ACTION, ACTION | fields)
    assert Integration.objects.get().config["body"] == body


OAUTH_CONFIG = {
    **{name: text for name, text in OAUTH.items() if not name.startswith("extra")},
    "extra": [{"name": "account_id", "value": "{secrets.zoom.account}"}],
}


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({}, {"type": "bearer", "token": "{secrets.x}"}),
        (
            {"type": "api_key", "in": "query", "key_name": "key", "value": "{secrets.y}"},
            {"type": "api_key", "in": "query", "name": "key", "value": "{secrets.y}"},
        ),
        (OAUTH, OAUTH_CONFIG),
        (
            OAUTH | {"grant_type": " ", "token_body": "form", "extra_name": [""], "extra_value": [""]},
            {name: OAUTH_CONFIG[name] for name in OAUTH_CONFIG if name not in {"grant_type", "token_body", "extra"}},
        ),
    ],
)
def test_new_connector_is_stored_and_shown_again(as_owner, organization, fields, config):
    assert as_owner.post(NEW_CONNECTOR, CONNECTOR | fields).status_code == 303
    integration = Integration.objects.get()
    assert integration.config == config
    page = form_with(as_owner.get(page_of(integration)), "token")
    assert as_owner.post(page_of(integration), page).status_code == 303
    integration.refresh_from_db()
    assert integration.config == config


@pytest.mark.parametrize("typed", ["CRM token", " crm TOKEN ", None])
def test_connector_is_offered_by_name_and_chosen(as_owner, connector, typed):
    offered = as_owner.get(f"{LIST}suggestions/?role=auth_connector&q=crm").content.decode()
    assert 'data-insert="CRM token"' in offered
    headers = {"header_name": [], "header_value": []}
    as_owner.post(NEW_ACTION, ACTION | headers | {"auth_connector": typed or str(connector.id)})
    stored = Integration.objects.get(kind="api_action")
    assert stored.auth_connector == connector
    assert 'value="CRM token"' in as_owner.get(page_of(stored)).content.decode()
    assert "Look up patient" in as_owner.get(page_of(connector)).content.decode()
    uses = as_owner.get(f"{LIST}?uses={connector.id}").context["groups"]
    assert [row.name for group in uses for row in group["rows"]] == ["Look up patient"]


def test_name_of_no_connector_is_shown_again(as_owner, connector):
    refused = as_owner.post(NEW_ACTION, ACTION | {"auth_connector": "CRM tokn"})
    assert "auth_connector" in errors_of(refused)
    assert 'value="CRM tokn"' in refused.content.decode()


def test_redirects_are_followed_where_somebody_says_so(as_owner, organization):
    as_owner.post(NEW_ACTION, ACTION | {"follow_redirects": "on"})
    stored = Integration.objects.get()
    assert stored.config["follow_redirects"] is True
    sent = form_with(as_owner.get(page_of(stored)), "base_url")
    assert sent["follow_redirects"] in ("on", ["on"])
    as_owner.post(page_of(stored), {name: value for name, value in sent.items() if name != "follow_redirects"})
    stored.refresh_from_db()
    assert stored.config["follow_redirects"] is False


def test_page_sent_as_it_is_shown_changes_nothing(as_owner, action):
    sent = form_with(as_owner.get(page_of(action)), "base_url")
    assert as_owner.post(page_of(action), sent).status_code == 303
    action.refresh_from_db()
    assert (action.version, action.config) == (1, CONFIG)


def test_edit_is_applied(as_owner, action):
    sent = form_with(as_owner.get(page_of(action)), "base_url")
    as_owner.post(page_of(action), sent | {"path": "/v3", "name": "Find patient", "environments": ["development"]})
    action.refresh_from_db()
    assert (action.version, action.name, action.config["path"]) == (2, "Find patient", "/v3")
    assert action.environments == {Environment.DEVELOPMENT}


@pytest.mark.parametrize(
    ("prepare", "warning"),
    [
        (None, "No secret is called crm.apiKey. Create it, or remove the reference."),
        ({"enabled": False}, "The secret crm.apiKey is disabled. Enable it to use it."),
        ({"domains": ["x.example.com"]}, "crm.apiKey may not be sent to api.example.com"),
    ],
)
def test_what_stands_in_the_way_is_shown_after_saving(as_owner, owner, action, prepare, warning):
    if prepare:
        values = {environment: Plaintext("canary-of-the-editor-1c") for environment in Environment}
        domains = prepare.get("domains", [])
        secret = create_secret(actor=owner, name="crm.apiKey", values=values, allowed_domains=domains)
        set_enabled(actor=owner, secret_id=secret.id, enabled=prepare.get("enabled", True))
    page = as_owner.get(page_of(action)).content.decode()
    assert "Saved, but it will not run as it is" in page
    assert warning in page


def test_http_toward_a_name_is_saved_with_a_warning(as_owner, organization):
    sent = ACTION | {"base_url": "http://intranet.example.com", "header_name": [], "header_value": []}
    page = as_owner.post(NEW_ACTION, sent, follow=True).content.decode()
    assert "Saved, but it may not run as it is" in page
    assert "intranet.example.com is called only if all its addresses lie in networks" in page


def test_delete_asks_first_and_then_deletes(as_owner, action):
    fragment = as_owner.get(page_of(action, "integration-delete"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "Delete Look up patient?" in fragment
    assert "<html" in as_owner.get(page_of(action, "integration-delete")).content.decode()
    response = as_owner.post(page_of(action, "integration-delete"), follow=True)
    assert response.redirect_chain == [(LIST, 303)]
    assert "Deleted Look up patient" in response.content.decode()
    assert not Integration.objects.exists()


def test_connector_in_use_is_kept_and_its_users_are_named(as_owner, owner, connector):
    config = {"base_url": "https://api.example.com", "method": "GET", "auth_connector": str(connector.id)}
    create_integration(actor=owner, kind="api_action", name="User of it", config=config)
    assert "User of it" in as_owner.get(page_of(connector, "integration-delete")).content.decode()
    response = as_owner.post(page_of(connector, "integration-delete"))
    assert response.status_code == 409
    assert "User of it" in response.content.decode()
    assert Integration.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "Blocked"),
        ({"base_url": "https://crm.example.com"}, "Allowed"),
        ({"header_value": ["{secrets.nobody}", ""]}, "no secret has this name yet"),
        ({"header_value": ["x", ""]}, "No secret is used yet"),
        ({"body_content": "not JSON {secrets.nobody}"}, "nobody"),
        ({"base_url": "not a url"}, "Enter an allowed base URL"),
        ({"base_url": ""}, "Enter an allowed base URL"),
        ({"path": "{{secrets.crm.apiKey}}"}, "Blocked"),
        ({"auth_connector": "junk"}, "Blocked"),
    ],
)
def test_domain_check_judges_the_form_before_it_is_saved(as_owner, owner, fields, shown):
    values = {Environment.STAGING: Plaintext("canary-of-the-editor-1c")}
    create_secret(actor=owner, name="crm.apiKey", values=values, allowed_domains=["crm.example.com"])
    response = as_owner.post(DOMAIN_CHECK, ACTION | fields)
    assert response.status_code == 200
    assert shown in response.content.decode()


def test_domain_check_knows_the_secrets_of_the_connector(as_owner, connector):
    sent = {"base_url": "https://api.example.com", "auth_connector": str(connector.id)}
    assert "crm.apiKey" in as_owner.post(DOMAIN_CHECK, sent).content.decode()


# Who may not


@pytest.mark.parametrize("name", ["integration-edit", "integration-delete"])
def test_member_opens_no_page_of_an_integration(as_member, action, name):
    assert as_member.get(page_of(action, name)).status_code == 403
    assert as_member.post(page_of(action, name)).status_code == 403


@pytest.mark.parametrize("address", [NEW_ACTION, DOMAIN_CHECK])
def test_member_writes_nothing(as_member, address):
    assert as_member.post(address, ACTION).status_code == 403
    assert not Integration.objects.exists()


@pytest.mark.parametrize("name", ["integration-edit", "integration-delete"])
def test_outsider_finds_nothing(as_outsider, action, outsider, name):
    assert as_outsider.get(page_of(action, name)).status_code == 404
    theirs = reverse(name, args=[outsider.organization.slug, action.id])
    assert as_outsider.get(theirs).status_code == 404
    assert as_outsider.post(theirs, ACTION).status_code == 404


def test_connector_of_another_organization_is_not_there(as_owner, organization, outsider):
    config = {"type": "bearer", "token": "{secrets.theirs}"}
    theirs = create_integration(actor=outsider, kind="auth_connector", name="Theirs", config=config)
    sent = ACTION | {"auth_connector": str(theirs.id)}
    assert "auth_connector" in errors_of(as_owner.post(NEW_ACTION, sent))
    assert "theirs" not in as_owner.post(DOMAIN_CHECK, sent).content.decode()


@pytest.mark.parametrize("address", [NEW_ACTION, NEW_CONNECTOR])
def test_opening_a_page_writes_nothing(as_owner, action, address):
    for page in (address, page_of(action), page_of(action, "integration-delete")):
        with CaptureQueriesContext(connection) as queries:
            assert as_owner.get(page).status_code == 200
        assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


@pytest.mark.parametrize("name", ["integration-test"])
def test_acts_are_not_reached_by_get(as_owner, action, name):
    assert as_owner.get(page_of(action, name)).status_code == 405
    assert as_owner.get(DOMAIN_CHECK).status_code == 405
