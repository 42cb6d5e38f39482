"""The edit form with another name, and with two people in it at once."""

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from secrets_app.editing import secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"


@pytest.fixture
def secret(owner):
    return store_secret(owner, description="Patient records")


def edit_page(secret):
    return reverse("secret-edit", args=[SLUG, secret.id])


def sent(**fields):
    return {
        "name": "crm.apiKey",
        "description": "Patient records",
        "mode": "per-env",
        "enabled": "on",
        "version": "1",
        "was_name": "crm.apiKey",
        "was_description": "Patient records",
        "was_domains": "",
        "was_enabled": "on",
        **fields,
    }


def impact_of(client, secret, name):
    return client.post(reverse("secret-rename-impact", args=[SLUG, secret.id]), {"name": name}).content.decode()


# What works


def test_saving_another_name_renames(as_owner, owner, secret):
    action = make_action(owner)
    response = as_owner.post(edit_page(secret), sent(name="crm.patients"))
    assert response.status_code == 302
    assert Secret.objects.get().name == "crm.patients"
    action.refresh_from_db()
    assert action.config["headers"][0]["value"] == "Bearer {secrets.crm.patients}"


def test_impact_lists_what_will_be_rewritten(as_owner, owner, secret):
    make_action(owner)
    make_action(owner, "Other action")
    body = impact_of(as_owner, secret, "crm.patients")
    for text in ("Saving renames 2 references", "{secrets.crm.apiKey}", "{secrets.crm.patients}", "Look up patient"):
        assert text in body
    assert "free at once" in body


def test_impact_of_a_secret_without_references_only_checks_the_name(as_owner, secret):
    body = impact_of(as_owner, secret, "crm.patients")
    assert "This name is free" in body
    assert "Saving renames" not in body


def test_impact_tells_who_waits_for_the_new_name(as_owner, owner, secret):
    make_action(owner, uses="crm.patients")
    assert "already waiting for this name" in impact_of(as_owner, secret, "crm.patients")


def test_impact_of_the_same_name_is_nothing(as_owner, owner, secret):
    make_action(owner)
    assert impact_of(as_owner, secret, "crm.apiKey").strip() == ""


def test_refused_form_keeps_the_new_name_and_says_what_it_would_rewrite(as_owner, owner, secret):
    make_action(owner)
    response = as_owner.post(edit_page(secret), sent(name="crm.patients", description="x" * 501))
    assert response.status_code == 422
    assert 'value="crm.patients"' in response.content.decode()
    assert "Saving renames 1 reference" in response.content.decode()


# Two people at once


def meanwhile(admin, secret, **changes):
    secrets.update_secret(actor=admin, secret_id=secret.id, changes=SecretChanges(**changes))


def test_later_one_is_told_what_changed_and_keeps_what_was_typed(as_owner, admin, secret):
    meanwhile(admin, secret, description="Theirs", values={Environment.STAGING: Plaintext("another-value-of-theirs")})
    response = as_owner.post(edit_page(secret), sent(description="Mine"))
    body = response.content.decode()
    assert response.status_code == 422
    assert "Tomás Ferreira changed: description, Staging value" in body
    assert ">\nMine</textarea>" in body
    assert "Theirs" in body
    assert "another-value-of-theirs" not in body
    assert Secret.objects.get().description == "Theirs"


def test_field_that_the_later_one_did_not_touch_shows_what_is_stored_now(as_owner, admin, secret):
    meanwhile(admin, secret, name="crm.patients", description="Theirs")
    meanwhile(admin, secret, enabled=False)
    body = as_owner.post(edit_page(secret), sent(description="Mine")).content.decode()
    assert 'name="name" value="crm.patients"' in body
    assert "switched it off" in body
    assert 'id="f-enabled" name="enabled" value="on" aria' in body
    assert 'name="version" value="4"' not in body


def test_saving_again_applies_both(as_owner, admin, secret):
    meanwhile(admin, secret, name="crm.patients")
    as_owner.post(edit_page(secret), sent(description="Mine"))
    again = sent(description="Mine", name="crm.patients", was_name="crm.patients", version="2")
    assert as_owner.post(edit_page(secret), again).status_code == 302
    assert list(Secret.objects.values_list("name", "description")) == [("crm.patients", "Mine")]


# Who may not, and malformed


def test_member_may_not_ask(as_member, secret):
    url = reverse("secret-rename-impact", args=[SLUG, secret.id])
    assert as_member.post(url, {"name": "x"}).status_code == 403


@pytest.mark.parametrize(("name", "told"), [("2 token!", "Start with a letter"), ("BILLING.token", "billing.token")])
def test_bad_or_taken_name_is_told_and_refused(as_owner, owner, secret, name, told):
    store_secret(owner, "billing.token")
    assert told in impact_of(as_owner, secret, name)
    response = as_owner.post(edit_page(secret), sent(name=name))
    assert response.status_code == 422
    assert told in response.content.decode()
    assert VALUE not in response.content.decode()


@pytest.mark.parametrize("fields", [{"was_enabled": "maybe"}, {"was_domains": "\x00"}, {"version": "x"}])
def test_odd_hidden_fields_break_nothing(as_owner, admin, secret, fields):
    meanwhile(admin, secret, description="Theirs")
    assert as_owner.post(edit_page(secret), sent(**fields)).status_code in {302, 422}
