"""Disabling what is in use names what stops and what it did; every switch can be undone."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.templatetags.coffer_ui import undo_of
from integrations.editing.integrations import create_integration
from integrations.models import Integration, Run
from integrations.references.stopping import stopped_by_integration, stopped_by_secrets
from secrets_app.models import Secret
from tests import factories
from tests.support.things import make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/o/harbor-clinics/secrets/?q=crm"}
SWITCH = "/o/harbor-clinics/secrets/switch/"


@pytest.fixture
def used(owner):
    """A secret that two actions send: one itself, one through a connector, with a call each in the last hour."""
    secret = store_secret(owner)
    connector = make_connector(owner)
    for action in (make_action(owner), make_action(owner, "Call back", uses="", auth_connector=str(connector.id))):
        call(owner, action, secret)
    make_action(owner, "Switched off", enabled=False)
    return secret


def call(owner, action, secret, minutes_ago=5):
    started_at = timezone.now() - timedelta(minutes=minutes_ago)
    run = factories.RunFactory(organization=owner.organization, integration_id=action.pk, started_at=started_at)
    factories.RunSecretFactory(run=run, secret_id=secret.pk, started_at=started_at)


def address(name, row):
    return reverse(name, args=["harbor-clinics", row.pk])


def undo(client, response):
    """What the button of the toast sends."""
    page = client.get(response.headers["Location"])
    (message,) = page.context["messages"]
    found = undo_of(message)
    fields = {}
    for name, value in found["fields"]:
        fields.setdefault(name, []).append(value)
    return client.post(found["url"], fields | {"sure": "1"})


def test_what_stops_is_counted_also_through_a_connector(owner, used):
    call(owner, Integration.objects.get(name="Call back"), used, minutes_ago=90)
    stops = stopped_by_secrets(owner.organization, [used.pk])
    assert [(one.integration.name, one.via, one.calls) for one in stops.all] == [
        ("Call back", "CRM bearer token", 1), ("Look up patient", "", 1)
    ]  # fmt: skip
    stops = stopped_by_integration(Integration.objects.get(name="CRM bearer token"))
    assert [(one.integration.name, one.calls) for one in stops.all] == [("Call back", 1)]


def test_disabling_a_secret_in_use_asks_and_names_what_stops(as_owner, used):
    url = address("secret-disable", used)
    page = as_owner.post(url).content.decode()
    assert "2 integrations stop at once" in page
    assert "They made 2 calls in the last hour" in page
    assert "Disable and stop 2 integrations" in page
    assert "through CRM bearer token" in page
    used.refresh_from_db()
    assert used.enabled
    response = as_owner.post(url, {"sure": "1", "back": "q=crm&next=//evil.example"})
    assert response.headers["Location"] == "/o/harbor-clinics/secrets/?q=crm"
    assert "Disabled crm.apiKey, 2 integrations stopped" in [str(each) for each in get_messages(response.wsgi_request)]
    used.refresh_from_db()
    assert not used.enabled
    undo(as_owner, response)
    used.refresh_from_db()
    assert used.enabled


def test_in_the_list_the_question_is_a_dialog_and_the_answer_a_toast(as_owner, owner, used):
    question = as_owner.post(address("secret-disable", used), headers=HTMX)
    assert (question.headers["HX-Retarget"], 'value="q=crm"' in question.content.decode()) == ("#modal", True)
    unused = store_secret(owner, "other.key")
    answer = as_owner.post(address("secret-disable", unused), headers=HTMX)
    assert f'id="secret-{unused.pk}"' in answer.content.decode()
    assert "Undo" in answer.content.decode()


def test_several_secrets_are_asked_for_together_and_undone_together(as_owner, owner, used):
    unused = store_secret(owner, "other.key")
    picks = [str(used.pk), str(unused.pk)]
    page = as_owner.post(SWITCH, {"act": "disable", "pick": picks}).content.decode()
    assert "Disable 2 secrets?" in page
    assert Secret.objects.filter(enabled=True).count() == 2
    response = as_owner.post(SWITCH, {"act": "disable", "pick": picks, "sure": "1"})
    assert Secret.objects.filter(enabled=True).count() == 0
    undo(as_owner, response)
    assert Secret.objects.filter(enabled=True).count() == 2


def test_a_secret_that_nothing_uses_is_disabled_without_a_question(as_owner, owner):
    unused = store_secret(owner, "other.key")
    make_action(owner, "Switched off", uses="other.key", enabled=False)
    assert as_owner.post(SWITCH, {"act": "disable", "pick": [str(unused.pk)]}).status_code == 303
    assert not Secret.objects.get().enabled


def test_an_integration_in_use_asks_and_can_be_undone(as_owner, owner, used):
    action, connector = (Integration.objects.get(name=name) for name in ("Look up patient", "CRM bearer token"))
    assert "It made 1 call in the last hour" in as_owner.post(address("integration-disable", action)).content.decode()
    assert "Call back" in as_owner.post(address("integration-disable", connector)).content.decode()
    assert Integration.objects.filter(enabled=True).count() == 3
    response = as_owner.post(address("integration-disable", action), {"sure": "1"})
    action.refresh_from_db()
    assert not action.enabled
    undo(as_owner, response)
    action.refresh_from_db()
    assert action.enabled
    Run.objects.all().delete()
    assert as_owner.post(address("integration-disable", action)).status_code == 303


def test_a_member_disables_nothing(as_member, used):
    action = Integration.objects.get(name="Look up patient")
    for name, row in (("secret-disable", used), ("integration-disable", action), ("integration-enable", action)):
        assert as_member.post(address(name, row), {"sure": "1"}).status_code == 403


def test_what_belongs_to_others_does_not_exist(as_outsider, used):
    action = Integration.objects.get(name="Look up patient")
    for name, row in (("secret-disable", used), ("integration-disable", action)):
        assert as_outsider.post(address(name, row), {"sure": "1"}).status_code == 404


def test_a_shared_integration_that_nothing_uses_is_disabled_at_once(as_owner, owner):
    config = {"type": "bearer", "token": "{secrets.x}"}
    connector = create_integration(
        actor=owner, kind="auth_connector", name="Alone", config=config, environments=[Environment.STAGING]
    )
    assert as_owner.post(address("integration-disable", connector)).status_code == 303
