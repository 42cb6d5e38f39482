"""Renaming a secret: every integration follows, or nothing happened."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actors import actor_for_key
from accounts.common.environments import Environment
from accounts.errors import EditConflict, Invalid, PermissionDenied
from accounts.models import ApiKey, AuditEvent
from integrations.editing import integrations
from integrations.models import Integration, SecretReference
from secrets_app.editing import secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.models import Secret
from tests.support.audit import chain_holds
from tests.support.things import (
    key_for,
    make_action,
    make_connector,
    store_secret,
)

pytestmark = pytest.mark.django_db

OLD, NEW = "crm.apiKey", "crm.patients"


class Broken(Exception):
    pass


def rename(actor, secret, name=NEW, **more):
    return secrets.update_secret(actor=actor, secret_id=secret.id, changes=SecretChanges(name=name), **more)


def header_of(integration):
    return Integration.objects.get(pk=integration.pk).config["headers"][0]["value"]


def references():
    return sorted(SecretReference.objects.values_list("name", "slot", "secret__name"))


# What works


def test_integrations_and_references_follow(owner):
    secret, action, connector = store_secret(owner), make_action(owner), make_connector(owner)
    rename(owner, secret)
    assert header_of(action) == "Bearer {secrets.crm.patients}"
    assert Integration.objects.get(pk=connector.pk).config["token"] == "{secrets.crm.patients}"
    assert references() == [(NEW, "auth.token", NEW), (NEW, "headers.Authorization", NEW)]
    assert (Secret.objects.get().name, Secret.objects.get().version) == (NEW, 2)


def test_old_name_is_free_at_once_and_nobody_is_bound_to_it(owner):
    secret, _ = store_secret(owner), make_action(owner)
    rename(owner, secret)
    assert store_secret(owner, OLD).references.count() == 0
    assert secret.references.count() == 1


def test_last_use_stays(owner):
    secret, _ = store_secret(owner), make_action(owner)
    used = timezone.now() - timedelta(days=3)
    SecretReference.objects.update(last_used_at=used)
    rename(owner, secret)
    assert SecretReference.objects.get().last_used_at == used


def test_one_event_for_the_secret_and_one_for_each_integration(owner):
    secret, action, connector = store_secret(owner), make_action(owner), make_connector(owner)
    before = AuditEvent.objects.count()
    rename(owner, secret)
    events = list(AuditEvent.objects.order_by("sequence"))[before:]
    assert sorted((event.event, event.target_id) for event in events) == sorted(
        [
            ("secret.changed", secret.id),
            ("integration.changed", action.id),
            ("integration.changed", connector.id),
        ]
    )
    assert [event.data["name_before"] for event in events if event.event == "secret.changed"] == [OLD]
    assert chain_holds(owner.organization)


def test_name_that_others_wait_for_binds_them(owner):
    secret, waiting = store_secret(owner), make_action(owner, uses=NEW)
    rename(owner, secret)
    reference = SecretReference.objects.get(integration=waiting)
    assert reference.secret == secret
    assert Integration.objects.get(pk=waiting.pk).version == 1


def test_slot_that_names_both_keeps_one_reference(owner):
    value = "{secrets.crm.apiKey} {secrets.crm.patients}"
    secret, action = store_secret(owner), make_action(owner, uses="", headers=[{"name": "X-Both", "value": value}])
    SecretReference.objects.filter(name=OLD).update(last_used_at=timezone.now())
    rename(owner, secret)
    assert header_of(action) == "{secrets.crm.patients} {secrets.crm.patients}"
    assert references() == [(NEW, "headers.X-Both", NEW)]
    assert SecretReference.objects.get().last_used_at


def test_only_the_case_of_letters_changes(owner):
    secret, action, waiting = store_secret(owner), make_action(owner), make_action(owner, "Other", uses="CRM.apikey")
    rename(owner, secret, "CRM.apikey")
    assert header_of(action) == "Bearer {secrets.CRM.apikey}"
    assert secret.references.count() == 2
    assert SecretReference.objects.get(integration=waiting).secret == secret


def test_another_secret_whose_name_begins_alike_is_left_alone(owner):
    secret, other = store_secret(owner, "crm"), store_secret(owner)
    action = make_action(owner)
    rename(owner, secret, "erp")
    assert header_of(action) == "Bearer {secrets.crm.apiKey}"
    assert other.references.count() == 1


def test_same_name_writes_nothing(owner):
    secret, action = store_secret(owner), make_action(owner)
    rename(owner, secret, OLD)
    assert (Secret.objects.get().version, Integration.objects.get(pk=action.pk).version) == (1, 1)


def test_edit_that_was_begun_before_is_refused(owner):
    secret, action = store_secret(owner), make_action(owner)
    rename(owner, secret)
    changes = integrations.IntegrationChanges(config=action.config)
    with pytest.raises(EditConflict):
        integrations.update_integration(
            actor=owner, integration_id=action.id, changes=changes, expected_version=action.version
        )
    assert header_of(action) == "Bearer {secrets.crm.patients}"


# All or nothing


def test_break_in_the_middle_of_50_references_changes_nothing(owner, monkeypatch):
    secret = store_secret(owner)
    for number in range(50):
        make_action(owner, f"Action {number}")
    before = (list(Integration.objects.order_by("pk").values()), references(), AuditEvent.objects.count())
    calls, save = [], SecretReference.save

    def breaking(self, *args, **kwargs):
        calls.append(self)
        if len(calls) == 25:
            raise Broken
        save(self, *args, **kwargs)

    monkeypatch.setattr(SecretReference, "save", breaking)
    with pytest.raises(Broken):
        rename(owner, secret)
    assert (list(Integration.objects.order_by("pk").values()), references(), AuditEvent.objects.count()) == before
    assert (Secret.objects.get().name, Secret.objects.get().version) == (OLD, 1)
    monkeypatch.setattr(SecretReference, "save", save)
    rename(owner, secret)
    assert SecretReference.objects.filter(name=NEW, secret=secret).count() == 50


def test_text_that_would_become_too_long_changes_nothing(owner):
    secret = store_secret(owner)
    action = make_action(owner, uses="", headers=[{"name": "X", "value": "a" * 8160 + " {secrets.crm.apiKey}"}])
    with pytest.raises(Invalid) as refusal:
        rename(owner, secret, "n" * 128)
    assert refusal.value.errors[0].field == "name"
    assert action.name in refusal.value.errors[0].message
    assert Secret.objects.get().name == OLD


# Who may not


def test_member_may_not(owner, member):
    with pytest.raises(PermissionDenied):
        rename(member, store_secret(owner))


@pytest.mark.parametrize("limits", [{"environments": [Environment.STAGING]}, {"integrations": []}])
def test_key_that_is_limited_may_not(owner, limits):
    secret = store_secret(owner)
    make_action(owner)
    key_for(owner, **limits)
    with pytest.raises(PermissionDenied):
        rename(actor_for_key(ApiKey.objects.select_related("organization").get()), secret)
    assert Secret.objects.get().name == OLD


def test_names_of_other_organizations_stay(owner, outsider):
    secret, foreign = store_secret(owner), store_secret(outsider)
    theirs = make_action(outsider)
    rename(owner, secret)
    assert header_of(theirs) == "Bearer {secrets.crm.apiKey}"
    assert foreign.references.count() == 1


# Malformed


@pytest.mark.parametrize("name", ["", "2 token", "n" * 129, "a b", "BILLING.TOKEN", "x\n", "{secrets.x}"])
def test_bad_or_taken_name_is_refused(owner, name):
    secret = store_secret(owner)
    store_secret(owner, "billing.token")
    with pytest.raises(Invalid):
        rename(owner, secret, name)
    assert Secret.objects.filter(name=OLD).exists()
