"""The pages of alerts: a webhook and its secret, who hears of what, deliveries, and what nobody gets to see."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import AuditEvent
from integrations.alerts.events import GROUPS, in_group
from integrations.models import AlertEndpoint, Delivery, EndpointKind, SecretReference
from secrets_app.models import SealedText
from tests.factories import AlertEndpointFactory, DeliveryFactory, DeliveryTryFactory
from tests.fixtures.browsers import browser_of
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
BASE = "/o/harbor-clinics"
HOOK = "https://hooks.example.com/coffer"
NEW = {"address": HOOK, "events": ["secret.created", "secret.rotated"], "after_minutes": "0"}
SLACK = "https://hooks.slack.com/services/T000/B000/canary-4711"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def endpoint(owner):
    return AlertEndpointFactory(organization=owner.organization)


def page_of(client, path, status=200):
    response = client.get(f"{BASE}/{path}")
    assert response.status_code == status
    return response.content.decode()


def test_webhook_is_made_and_its_secret_shown_once(as_owner):
    response = as_owner.post(f"{BASE}/alerts/new/webhook/", NEW)
    page = response.content.decode()
    (secret,) = set(re.findall(r'data-copy="(whsec_[^"]+)"', page))
    assert response.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    endpoint = AlertEndpoint.objects.get()
    assert (endpoint.name, endpoint.events) == ("hooks.example.com/coffer", ["secret.created", "secret.rotated"])
    for path in ("alerts/", f"webhooks/{endpoint.pk}/", f"webhooks/{endpoint.pk}/edit/"):
        assert secret not in page_of(as_owner, path)
    assert AuditEvent.objects.get(event="endpoint.created").data["host"] == "hooks.example.com"
    assert secret not in str(list(AuditEvent.objects.values()))


def test_address_of_a_channel_is_sealed_and_never_shown(as_owner):
    sent = {"address": SLACK, "name": "#voice-ops", "events": ["integration.failing"], "after_minutes": "5"}
    assert as_owner.post(f"{BASE}/alerts/new/slack/", sent).status_code == 303
    endpoint = AlertEndpoint.objects.get()
    assert (endpoint.host, endpoint.url, endpoint.after_minutes) == ("hooks.slack.com", "", 5)
    assert b"canary" not in bytes(SealedText.objects.get().sealed)
    edited = as_owner.post(f"{BASE}/webhooks/{endpoint.pk}/edit/", sent | {"address": "", "version": "1"})
    assert edited.status_code == 303
    for path in ("alerts/", f"webhooks/{endpoint.pk}/", f"webhooks/{endpoint.pk}/edit/"):
        page = page_of(as_owner, path)
        assert "canary-4711" not in page and "#voice-ops" in page


def test_row_of_the_table_is_chosen_and_taken_away(as_owner, owner):
    endpoint = AlertEndpointFactory(organization=owner.organization, email=True, name="On call", events=[])
    page = page_of(as_owner, "alerts/")
    assert all(group in page for group in GROUPS)
    path = f"{BASE}/webhooks/{endpoint.pk}/choose/0/"
    names = [one.name for one in in_group(GROUPS[0])]
    assert as_owner.post(path, {"on": "on"}, headers={"HX-Request": "true"}).status_code == 204
    endpoint.refresh_from_db()
    assert endpoint.events == names
    as_owner.post(path)
    endpoint.refresh_from_db()
    assert endpoint.events == []
    assert as_owner.post(f"{BASE}/webhooks/{endpoint.pk}/choose/99/").status_code == 404


def test_deliveries_say_what_came_of_them(as_owner, endpoint):
    good = DeliveryTryFactory(delivery=DeliveryFactory(endpoint=endpoint, delivered=True)).delivery
    bad = DeliveryTryFactory(delivery=DeliveryFactory(endpoint=endpoint), failed=True).delivery
    DeliveryFactory(endpoint=endpoint, about="not.tried")
    page = page_of(as_owner, f"webhooks/{endpoint.pk}/")
    assert "503, try 1" in page and "not.tried" in page and 'Waiting <span class="n">2</span>' in page
    waiting = page_of(as_owner, f"webhooks/{endpoint.pk}/?state=waiting")
    assert str(good.pk) not in waiting and str(bad.pk) in waiting
    detail = page_of(as_owner, f"webhooks/{endpoint.pk}/deliveries/{bad.pk}/")
    assert bad.event_id in detail and "Answered 503" in detail
    assert as_owner.post(f"{BASE}/webhooks/{endpoint.pk}/deliveries/{good.pk}/again/").status_code == 303
    assert Delivery.objects.filter(endpoint=endpoint, state="waiting").count() == 3


def test_many_deliveries_page(as_owner, endpoint):
    for _ in range(60):
        DeliveryFactory(endpoint=endpoint)
    page = page_of(as_owner, f"webhooks/{endpoint.pk}/")
    (following,) = set(re.findall(r'href="([^"]*cursor=[^"]*)"', page))
    assert len(re.findall("/again/", as_owner.get(following).content.decode())) == 10
    assert as_owner.get(f"{BASE}/webhooks/{endpoint.pk}/?cursor=x").status_code == 422


def test_pausing_resuming_testing_replacing_and_deleting(as_owner, endpoint):
    def act(name):
        response = as_owner.post(f"{BASE}/webhooks/{endpoint.pk}/{name}/")
        endpoint.refresh_from_db()
        return response.status_code

    assert (act("pause"), endpoint.paused) == (303, "person")
    assert "What happens is kept" in page_of(as_owner, f"webhooks/{endpoint.pk}/")
    assert (act("resume"), endpoint.paused) == (303, "")
    before = endpoint.signing_id
    assert act("secret") == 200
    assert (endpoint.signing_before_id, endpoint.signing_before_until is not None) == (before, True)
    assert (act("test"), Delivery.objects.get().type) == (303, "test")
    as_owner.post(f"{BASE}/webhooks/{endpoint.pk}/delete/")
    assert not AlertEndpoint.objects.exists() and not SealedText.objects.exists()


def test_each_kind_has_a_form_and_keeps_what_was_typed(as_owner):
    for kind in EndpointKind:
        page_of(as_owner, f"alerts/new/{kind}/")
        sent = {"address": "nonsense", "name": "My name", "authorization": "Bearer x", "recipients": "nobody"}
        response = as_owner.post(f"{BASE}/alerts/new/{kind}/", sent)
        page = response.content.decode()
        assert response.status_code == 422 and "My name" in page and "Bearer x" not in page
    assert not AlertEndpoint.objects.exists() and not SecretReference.objects.exists()


def test_stale_form_is_told(as_owner, endpoint):
    sent = NEW | {"version": "9", "name": "Mine"}
    response = as_owner.post(f"{BASE}/webhooks/{endpoint.pk}/edit/", sent)
    assert response.status_code == 412 and "Mine" in response.content.decode()


def test_creating_takes_a_recent_proof(owner):
    client = sign_in(Client(), owner, proven=False)
    assert "/proof/" in client.get(f"{BASE}/alerts/new/webhook/").headers["Location"]
    assert client.post(f"{BASE}/alerts/new/webhook/", NEW).status_code == 403
    assert not AlertEndpoint.objects.exists()


def test_nobody_else_sees_any_of_it(as_member, outsider, endpoint):
    assert as_member.get(f"{BASE}/alerts/").status_code == 403
    assert "Alerts</a>" not in as_member.get(f"{BASE}/secrets/").content.decode()
    other = outsider.organization.slug
    assert browser_of(outsider).get(f"/o/{other}/webhooks/{endpoint.pk}/").status_code == 404
