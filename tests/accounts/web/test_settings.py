"""The settings page of an organization, and deleting it."""

import pytest

from accounts.models import Organization
from tests.fixtures.browsers import browser_of
from tests.support.sign_in import add_totp
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db

PAGE = "/o/harbor-clinics/settings/"
SENT = {"name": "Harbor Clinics", "rollback_hours": "", "run_days": "", "version": "1"}


def html(response):
    return response.content.decode()


def test_settings_are_saved(as_owner, django_user_model, owner):
    add_totp(django_user_model.objects.get(pk=owner.id))
    sent = SENT | {
        "name": "Harbor Health",
        "require_mfa": "on",
        "domains_needed": "production",
        "rollback_hours": " 48 ",
    }
    sent |= {"run_days": "90", "approval_days": "3", "asks_unless_read_only": "on"}
    answer = as_owner.post(PAGE, sent, follow=True)
    assert "Saved the settings" in html(answer)
    stored = Organization.objects.get()
    assert (stored.name, stored.slug, stored.require_mfa, stored.production_needs_domains) == (
        "Harbor Health",
        "harbor-clinics",
        True,
        True,
    )
    assert (stored.rollback_hours, stored.run_days, stored.version) == (48, 90, 2)
    assert (stored.approval_days, stored.asks_unless_read_only) == (3, True)
    assert 'name="asks_unless_read_only" checked' in html(as_owner.get(PAGE))


def test_form_shows_what_is_set_and_what_the_installation_says(as_owner, settings):
    settings.ROLLBACK_HOURS = 36
    Organization.objects.update(run_days=120, production_needs_domains=True)
    page = html(as_owner.get(PAGE))
    assert 'placeholder="36"' in page
    assert 'value="120"' in page
    assert "1 person has none yet" in page
    assert page.count(" checked") == 2  # the theme's radio, and the chosen rule for domains
    assert 'value="production" checked' in page


@pytest.mark.parametrize(
    ("chosen", "production", "every"), [("none", False, False), ("production", True, False), ("every", True, True)]
)
def test_rule_for_domains_is_off_for_production_or_for_every_value(as_owner, chosen, production, every):
    as_owner.post(PAGE, SENT | {"domains_needed": chosen})
    stored = Organization.objects.get()
    assert (stored.production_needs_domains, stored.every_value_needs_domains) == (production, every)
    assert f'value="{chosen}" checked' in html(as_owner.get(PAGE))


@pytest.mark.parametrize(("answer", "every"), [("every", True), ("none", False), ("", False)])
def test_new_organization_is_asked_once(as_owner, answer, every):
    form = "/o/harbor-clinics/secrets/new/"
    assert "Should every secret say where it may go?" in html(as_owner.get(form))
    given = as_owner.post(f"{PAGE}domains/", {"answer": answer}, headers={"hx-request": "true"})
    assert "From now on every value" in html(given) if every else "any domain" in html(given)
    assert "Should every secret say" not in html(as_owner.get(form))
    assert Organization.objects.get().every_value_needs_domains is every
    as_owner.post(f"{PAGE}domains/", {"answer": "none" if every else "every"})
    assert Organization.objects.get().every_value_needs_domains is every


def test_only_owners_are_asked(admin, as_member):
    assert "Should every secret" not in html(browser_of(admin).get("/o/harbor-clinics/secrets/new/"))
    assert browser_of(admin).post(f"{PAGE}domains/", {"answer": "every"}).status_code == 403


def test_cleared_number_goes_back_to_the_installation(as_owner):
    Organization.objects.update(run_days=120)
    as_owner.post(PAGE, SENT)
    assert Organization.objects.get().run_days is None


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("rollback_hours", "x"),
        ("rollback_hours", "-1"),
        ("run_days", "1.5"),
        ("run_days", "89"),
        ("approval_days", "366"),
        ("name", " "),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_stays_typed(as_owner, field, typed):
    answer = as_owner.post(PAGE, SENT | {field: typed})
    assert answer.status_code == 422
    assert f'id="e-{field}"' in html(answer)
    assert f'value="{typed}"' in html(answer)


def test_mfa_is_not_required_by_who_has_none(as_owner):
    answer = as_owner.post(PAGE, SENT | {"require_mfa": "on"})
    assert answer.status_code == 422
    assert "Set up a second factor for yourself first" in html(answer)
    assert not Organization.objects.get().require_mfa


def test_later_one_is_told(as_owner):
    as_owner.post(PAGE, SENT | {"run_days": "90"})
    answer = as_owner.post(PAGE, SENT | {"run_days": "100"})
    assert answer.status_code == 422
    assert "Another owner changed the settings" in html(answer)
    assert Organization.objects.get().run_days == 90


def test_old_links_still_reach_a_renamed_organization(as_owner, owner):
    store_secret(owner)
    as_owner.post(PAGE, SENT | {"name": "Another Name"})
    page = html(as_owner.get("/o/harbor-clinics/secrets/"))
    assert "Another Name" in page
    assert "crm.apiKey" in page


def test_deletion_counts_what_goes_and_asks_for_the_name(as_owner, owner):
    store_secret(owner)
    make_action(owner)
    dialog = html(as_owner.get(f"{PAGE}delete/", headers={"HX-Request": "true"}))
    assert "data-autoshow" in dialog
    assert "<dt>Integrations</dt><dd>1</dd>" in dialog
    assert as_owner.post(f"{PAGE}delete/", {"confirm": "harbor"}).status_code == 422
    answer = as_owner.post(f"{PAGE}delete/", {"confirm": "Harbor Clinics"}, follow=True)
    assert "Deleted Harbor Clinics" in html(answer)
    assert not Organization.objects.exists()
    assert as_owner.get("/o/harbor-clinics/secrets/").status_code == 404


def test_forms_refuse_a_production_value_without_domains(as_owner, owner):
    secret = store_secret(owner)
    Organization.objects.update(production_needs_domains=True)
    at = "/o/harbor-clinics/secrets/"
    value = {"mode": "per-env", "value_production": "a-new-value-0815"}
    answers = {
        "new": as_owner.post(f"{at}new/", {"name": "a.key", "enabled": "on", **value}),
        "edit": as_owner.post(f"{at}{secret.id}/edit/", {"name": secret.name, "enabled": "on", **value}),
        "import": as_owner.post(
            f"{at}import/", {"environment": "production", "dotenv": "A=new-0815-x", "act": "apply"}
        ),
        "stage": as_owner.post(f"{at}{secret.id}/rotate/", {"environment": "production", "value": "a-new-value-0815"}),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 422)
    for answer in answers.values():
        assert "only for secrets with allowed domains" in html(answer)
    assert "accepts no Production value for a secret without allowed domains" in html(as_owner.get(f"{at}new/"))
