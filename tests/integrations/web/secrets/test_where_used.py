"""Where a secret goes, and replacing it everywhere, on pages."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import Integration, SecretReference
from secrets_app.editing import secrets
from tests.support.things import (
    VALUE,
    make_action,
    make_connector,
    store_secret,
)

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"


@pytest.fixture
def secret(owner):
    return store_secret(owner, allowed_domains=["*.example.com"])


def url(name, secret):
    return reverse(name, args=[SLUG, secret.id])


def body_of(client, address, **data):
    response = client.get(address, data)
    assert response.status_code == 200
    return response.content.decode()


# What works


def test_page_shows_reference_host_and_rule(as_owner, owner, secret):
    make_action(owner)
    body = body_of(as_owner, url("secret-where-used", secret))
    for text in ("Look up patient", "Header · Authorization", "api.example.com", "by *.example.com", 'class="edge ok"'):
        assert text in body
    assert "not an allowed domain" not in body
    assert VALUE not in body


def test_blocked_host_is_told_first(as_owner, owner, secret):
    make_action(owner)
    make_action(owner, "Search notes", base_url="https://search.crm-labs.org")
    body = body_of(as_owner, url("secret-where-used", secret))
    assert "1 use of this secret is blocked" in body
    assert 'class="edge bad"' in body
    assert re.search(r"Search notes.*Blocked.*Look up patient", body[body.index("<tbody>") :], re.DOTALL)


def test_connector_leads_to_the_hosts_of_those_that_use_it(as_owner, owner, secret):
    connector = make_connector(owner)
    body = body_of(as_owner, url("secret-where-used", secret))
    assert "Nowhere yet" in body
    make_action(owner, uses="", auth_connector=str(connector.id), base_url="https://other.org")
    body = body_of(as_owner, url("secret-where-used", secret))
    assert "through CRM bearer token" in body
    assert "other.org" in body
    assert "Blocked" in body


def test_unused_secret_says_so(as_owner, secret):
    assert "No active references yet" in body_of(as_owner, url("secret-where-used", secret))


def test_fifty_references_cost_as_many_queries_as_one(as_owner, owner, secret):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            body = body_of(as_owner, url("secret-where-used", secret))
        return len(captured), body

    make_action(owner, "Action 0")
    one, _ = queries()
    for number in range(1, 50):
        make_action(owner, f"Action {number}", base_url=f"https://api{number % 9}.example.com")
    fifty, body = queries()
    assert fifty == one
    assert body.count('<g class="node" ') == (50 + 10) + (50 + 50)  # the columns, and the tree for narrow screens
    assert "style=" not in body


def test_name_of_an_integration_is_escaped(as_owner, owner, secret):
    make_action(owner, "<b>Look up</b>")
    assert "<b>Look up" not in body_of(as_owner, url("secret-where-used", secret))


def test_hosts_are_proposed_for_a_secret_and_for_a_name_that_is_waited_for(as_owner, owner, secret):
    make_action(owner)
    make_action(owner, "Waiting", uses="billing.token", base_url="https://billing.example.com")
    address = reverse("secret-hosts", args=[SLUG])
    assert 'data-add-domain="api.example.com"' in body_of(as_owner, address, name="crm.apiKey")
    assert 'data-add-domain="billing.example.com"' in body_of(as_owner, address, name="billing.token")
    assert body_of(as_owner, address, name="unknown").strip() == ""
    assert body_of(as_owner, address).strip() == ""


def test_replacing_shows_what_changes_and_does_it(as_owner, owner, secret):
    other, action = store_secret(owner, "crm.second", allowed_domains=["other.org"]), make_action(owner)
    body = body_of(as_owner, url("secret-replace", secret), replacement="crm.second")
    assert "{secrets.crm.second}" in body
    assert "Some calls will be refused" in body
    assert Integration.objects.get().version == 1
    response = as_owner.post(url("secret-replace", secret), {"replacement": "crm.second"})
    assert (response.status_code, response.url) == (303, url("secret-where-used", other))
    action.refresh_from_db()
    assert action.config["headers"][0]["value"] == "Bearer {secrets.crm.second}"
    assert SecretReference.objects.get().secret == other


def test_delete_dialog_and_edit_page_lead_there(as_owner, owner, secret):
    make_action(owner)
    for name in ("secret-delete", "secret-edit"):
        assert url("secret-replace", secret) in body_of(as_owner, url(name, secret))


# Who may not, and malformed


def test_an_address_is_not_proposed_as_a_domain(as_owner, owner, secret):
    make_action(owner, "By address", base_url="http://127.0.0.1:9")
    text = as_owner.get(f"/o/{owner.organization.slug}/secrets/hosts/", {"name": "crm.apiKey"}).content.decode()
    assert "127.0.0.1" not in text


def test_member_sees_no_hosts(as_member, owner, secret):
    make_action(owner)
    for name in ("secret-where-used", "secret-replace"):
        assert as_member.get(url(name, secret)).status_code == 403


@pytest.mark.parametrize("name", ["", "unknown", "crm.apiKey", "switched.off", "\x00", "theirs.key"])
def test_replacement_that_cannot_be_is_refused(as_owner, owner, outsider, secret, name):
    make_action(owner)
    off = store_secret(owner, "switched.off")
    secrets.set_enabled(actor=owner, secret_id=off.id, enabled=False)
    store_secret(outsider, "theirs.key")
    assert as_owner.post(url("secret-replace", secret), {"replacement": name}).status_code == 422
    assert SecretReference.objects.get().secret == secret


def test_unknown_secret_is_not_found(as_owner):
    assert as_owner.get(reverse("secret-where-used", args=[SLUG, uuid4()])).status_code == 404
