"""An organization that demands allowed domains for Production values: every way in refuses, what is stored stays."""

import pytest

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import Invalid
from accounts.models import Organization
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.hygiene import findings
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation
from tests.support.things import key_for, store_secret

pytestmark = pytest.mark.django_db

PRODUCTION, STAGING = Environment.PRODUCTION, Environment.STAGING
NEW = {PRODUCTION: Plaintext("another-value-0815")}


@pytest.fixture
def bare(owner):
    """A secret without domains, stored before they were demanded."""
    return store_secret(owner, "bare.key")


@pytest.fixture
def demanded(bare, owner):
    Organization.objects.update(production_needs_domains=True)
    owner.organization.refresh_from_db()
    return owner


def values_of(secret):
    return sorted(SecretValue.objects.filter(secret=secret).values_list("environment", "version", "state"))


def change(actor, secret, **changes):
    return update_secret(actor=actor, secret_id=secret.id, changes=SecretChanges(**changes))


def fields(refusal):
    return [error.field for error in refusal.value.errors]


def test_values_with_domains_and_other_environments_are_taken(demanded):
    store_secret(demanded, "a.key", allowed_domains=["api.example.com"])
    store_secret(demanded, "b.key", environments=[Environment.DEVELOPMENT, STAGING])
    store_secret(demanded, "c.key", environments=[])
    assert Secret.objects.count() == 4


def test_rule_for_every_value_refuses_each_environment(owner, bare):
    Organization.objects.update(production_needs_domains=True, every_value_needs_domains=True)
    owner.organization.refresh_from_db()
    for environment in Environment:
        with pytest.raises(Invalid) as refusal:
            store_secret(owner, "a.key", environments=[environment])
        assert "accepts values only for secrets with allowed domains" in refusal.value.errors[0].message
        with pytest.raises(Invalid):
            change(owner, bare, values={environment: Plaintext("another-value-0815")})
    store_secret(owner, "b.key", environments=[])
    store_secret(owner, "c.key", allowed_domains=["api.example.com"])
    change(owner, bare, description="No new value")
    with pytest.raises(Invalid):
        apply_import(actor=owner, environment=STAGING, text=Plaintext("NEW=another-value-0815"))


def test_new_secret_without_domains_is_refused(demanded):
    with pytest.raises(Invalid) as refusal:
        store_secret(demanded, "a.key")
    assert fields(refusal) == ["allowed_domains"]
    assert "only for secrets with allowed domains" in refusal.value.errors[0].message
    assert Secret.objects.count() == 1


def test_bad_domain_is_told_once(demanded):
    with pytest.raises(Invalid) as refusal:
        store_secret(demanded, "a.key", allowed_domains=["https://x"])
    assert fields(refusal) == ["allowed_domains[0]"]


def test_new_production_value_of_a_stored_secret_is_refused(demanded, bare):
    before = values_of(bare)
    with pytest.raises(Invalid) as refusal:
        change(demanded, bare, values=NEW)
    assert fields(refusal) == ["allowed_domains"]
    assert values_of(bare) == before


def test_domains_are_not_taken_away_again(demanded):
    secret = store_secret(demanded, "a.key", allowed_domains=["api.example.com"])
    new = dict.fromkeys(ALL_ENVIRONMENTS, Plaintext("another-value-0815"))
    with pytest.raises(Invalid):
        change(demanded, secret, allowed_domains=[], values=new)
    secret.refresh_from_db()
    assert secret.allowed_domains == ["api.example.com"]


def test_stored_secret_is_edited_and_gets_domains_with_its_new_values(demanded, bare):
    change(demanded, bare, description="Still used", values={STAGING: Plaintext("another-value-0815")})
    change(demanded, bare, values={PRODUCTION: None})
    new = dict.fromkeys(ALL_ENVIRONMENTS, Plaintext("another-value-0815"))
    change(demanded, bare, allowed_domains=["api.example.com"], values=new)
    bare.refresh_from_db()
    assert bare.allowed_domains == ["api.example.com"]


def test_staging_of_a_production_value_is_refused(demanded, bare):
    place = {"actor": demanded, "secret_id": bare.id, "value": Plaintext("another-value-0815")}
    with pytest.raises(Invalid):
        rotation.stage(**place, environment=PRODUCTION)
    assert rotation.stage(**place, environment=STAGING).state == "staged"


def test_value_that_was_staged_before_is_not_promoted_but_a_rollback_works(owner, bare):
    place = {"actor": owner, "secret_id": bare.id, "environment": PRODUCTION}
    rotation.stage(**place, value=Plaintext("another-value-0815"))
    rotation.promote(**place, approve=lambda staged: [])
    rotation.stage(**place, value=Plaintext("a-third-value-0815"))
    Organization.objects.update(production_needs_domains=True)
    owner.organization.refresh_from_db()
    with pytest.raises(Invalid):
        rotation.promote(**place, approve=lambda staged: [])
    rotation.roll_back(**place)
    assert ("production", 1, "current") in values_of(bare)


def test_import_refuses_new_names_and_secrets_without_domains(demanded, bare):
    store_secret(demanded, "good_key", allowed_domains=["api.example.com"])
    text = Plaintext("NEW_KEY=new-value-0815\nbare.key=new-value-0815\ngood_key=new-value-0815\n")
    report = check_import(actor=demanded, environment=PRODUCTION, text=text)
    assert [(line.name, line.act.value) for line in report.lines] == [
        ("NEW_KEY", "refused"),
        ("bare.key", "refused"),
        ("good_key", "replaced"),
    ]
    before = values_of(bare)
    with pytest.raises(Invalid):
        apply_import(actor=demanded, environment=PRODUCTION, text=text)
    assert values_of(bare) == before
    assert apply_import(actor=demanded, environment=STAGING, text=text).lines[0].act.value == "created"


def test_api_refuses(demanded, bare, client):
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key_for(demanded)}", "content_type": "application/json"}
    made = client.post("/api/v1/secrets", {"name": "a.key", "value": "new-value-0815"}, **headers)
    changed = client.patch(f"/api/v1/secrets/{bare.id}", {"values": {"production": "new-value-0815"}}, **headers)
    imported = client.post(
        "/api/v1/secrets/import", {"environment": "production", "dotenv": "A_KEY=new-value-0815"}, **headers
    )
    staged = client.put(f"/api/v1/secrets/{bare.id}/rotation/production", {"value": "new-value-0815"}, **headers)
    assert [answer.status_code for answer in (made, changed, imported, staged)] == [422] * 4
    assert {answer.json()["code"] for answer in (made, changed, imported, staged)} == {"invalid"}
    assert Secret.objects.count() == 1


def told(organization):
    return findings.page(organization, findings.BY_KEY["no-domains"]).items[0].text


def test_hygiene_says_so(bare, owner):
    assert told(owner.organization) == "Its Production value may be sent to any domain."
    owner.organization.production_needs_domains = True
    assert told(owner.organization) == (
        "Its Production value may be sent to any domain. "
        "This organization accepts no new one until the secret has allowed domains."
    )
