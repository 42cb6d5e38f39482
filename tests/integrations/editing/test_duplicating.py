"""A copy of an integration: everything but its name and its switch."""

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import AuditEvent
from integrations.editing.integrations import create_integration, duplicate_integration
from integrations.models import Integration, SecretReference
from secrets_app.editing.secrets import set_enabled
from tests.fixtures.browsers import browser_of
from tests.support.things import make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION


@pytest.fixture
def action(owner):
    store_secret(owner)
    connector = make_connector(owner)
    headers = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}]
    fields = {"auth_connector": str(connector.id), "headers": headers, "environments": [S, P]}
    return make_action(owner, uses="", **fields)


def test_it_is_the_same_but_for_its_name_and_its_switch(owner, action):
    copy = duplicate_integration(actor=owner, integration_id=action.id)
    copy = Integration.objects.get(pk=copy.pk)
    assert (copy.name, copy.enabled, copy.version) == ("Look up patient (copy)", False, 1)
    for name in ("kind", "description", "environments", "config", "auth_connector_id", "connection_id"):
        assert getattr(copy, name) == getattr(action, name)
    (row,) = SecretReference.objects.filter(integration=copy)
    assert (row.slot, row.name, row.secret.name) == ("headers.X-Key", "crm.apiKey", "crm.apiKey")
    assert row.last_used_at is None


def test_it_is_recorded_with_where_it_comes_from(owner, action):
    copy = duplicate_integration(actor=owner, integration_id=action.id)
    event = AuditEvent.objects.get(event="integration.duplicated")
    assert event.target_id == copy.id
    assert event.data["source"] == str(action.id)
    assert event.data["secrets"] == ["crm.apiKey"]


def test_names_are_counted_and_cut(owner, action):
    names = [duplicate_integration(actor=owner, integration_id=action.id).name for _ in range(3)]
    assert names == ["Look up patient (copy)", "Look up patient (copy 2)", "Look up patient (copy 3)"]
    long = make_action(owner, "x" * 99 + "y", uses="")
    assert duplicate_integration(actor=owner, integration_id=long.id).name == "x" * 93 + " (copy)"


def test_a_raw_credential_that_was_kept_knowingly_is_recorded_again(owner):
    config = {"type": "bearer", "token": "cal_live_0123456789abcdef0123"}
    connector = create_integration(
        actor=owner, kind="auth_connector", name="C", config=config, accept_raw_credentials=True
    )
    duplicate_integration(actor=owner, integration_id=connector.id)
    assert "raw_credentials" in AuditEvent.objects.get(event="integration.duplicated").data


def test_a_secret_that_is_disabled_gets_no_new_reference(owner, action):
    set_enabled(actor=owner, secret_id=SecretReference.objects.first().secret_id, enabled=False)
    with pytest.raises(Invalid):
        duplicate_integration(actor=owner, integration_id=action.id)
    assert Integration.objects.count() == 2
    response = browser_of(owner).post(reverse("integration-duplicate", args=["harbor-clinics", action.id]), follow=True)
    assert "The integration was not duplicated. The secret crm.apiKey is disabled." in response.content.decode()


def test_strangers_and_members_may_not(outsider, member, action):
    with pytest.raises(NotFound):
        duplicate_integration(actor=outsider, integration_id=action.id)
    with pytest.raises(PermissionDenied):
        duplicate_integration(actor=member, integration_id=action.id)


def test_the_page_leads_to_the_copy(owner, action):
    browser = browser_of(owner)
    edit = reverse("integration-edit", args=["harbor-clinics", action.id])
    assert "Duplicate" in browser.get(edit).content.decode()
    response = browser.post(reverse("integration-duplicate", args=["harbor-clinics", action.id]), follow=True)
    copy = Integration.objects.get(name="Look up patient (copy)")
    assert response.redirect_chain == [(reverse("integration-edit", args=["harbor-clinics", copy.id]), 303)]
    page = response.content.decode()
    assert "Duplicated as Look up patient (copy)" in page
    assert "Paused" in page
