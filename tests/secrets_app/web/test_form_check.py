"""The check of the form of a secret before its values are sent: the rules of saving, and no value."""

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import Secret
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"
NEW = f"/o/{SLUG}/secrets/check/"


def of(secret):
    return reverse("secret-check", args=[SLUG, secret.id])


def fields(response):
    assert response.status_code == 422
    return [error["field"] for error in response.json()["errors"]]


def test_what_would_be_saved_passes_and_stores_nothing(as_owner, owner):
    answer = as_owner.post(NEW, {"name": "crm.apiKey", "mode": "shared", "typed": ["value_all"]})
    assert (answer.status_code, answer.content) == (204, b"")
    secret, before = store_secret(owner, "other"), AuditEvent.objects.count()
    edited = {"name": "renamed", "description": "x", "enabled": "on", "version": 1}
    assert as_owner.post(of(secret), edited).status_code == 204
    assert [found.name for found in Secret.objects.all()] == ["other"]
    assert AuditEvent.objects.count() == before


def test_every_error_is_told_with_the_label_of_its_field(as_owner, owner):
    store_secret(owner, "crm.apiKey", environments=[])
    sent = {"name": "CRM.apikey", "domains": "not a host", "rotate_every_days": "0", "expires_on": "soon"}
    answer = as_owner.post(NEW, sent)
    assert fields(answer) == ["name", "rotate_every_days", "expires_on", "domains"]
    labels = [error["label"] for error in answer.json()["errors"]]
    assert labels == ["Name", "Rotate every … days", "Expires on", "Allowed domains"]


def test_values_that_a_change_needs_are_asked_for(as_owner, owner):
    secret = store_secret(owner, allowed_domains=["a.example.com"])
    sent = {"name": secret.name, "mode": "per-env", "domains": "b.example.com", "enabled": "on", "version": 1}
    values = ["value_development", "value_staging", "value_production"]
    assert fields(as_owner.post(of(secret), sent | {"typed": values[:1]})) == values[1:]
    assert as_owner.post(of(secret), sent | {"typed": values}).status_code == 204


def test_who_may_not(as_member, as_owner, owner, outsider):
    foreign = store_secret(outsider)
    assert as_member.post(NEW, {"name": "x"}).status_code == 403
    assert as_owner.post(of(foreign), {"name": "x"}).status_code == 404
    secret = store_secret(owner)
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(description="meanwhile"))
    assert as_owner.post(of(secret), {"name": secret.name, "version": 1}).status_code == 412


def test_values_that_are_sent_all_the_same_are_not_looked_at(as_owner):
    answer = as_owner.post(NEW, {"name": "bad name", "mode": "shared", "value_all": "a-value-of-it"})
    assert "a-value-of-it" not in answer.content.decode()
    assert fields(answer) == ["name"]
