"""The pages of one secret: its values, its activity, and what every page says of an unfinished rotation."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from integrations.rotation.rotation import promote
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.rotation import stage
from tests.support.things import VALUE, make_action, make_connection, store_secret

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"
D, S, P = Environment
TABS = ("secret-where-used", "secret-values", "secret-activity", "secret-edit")


@pytest.fixture
def secret(owner):
    return store_secret(owner, allowed_domains=["*.example.com"])


def page(client, name, secret, **query):
    response = client.get(reverse(name, args=[SLUG, secret.id]), query)
    assert response.status_code == 200
    return response.content.decode()


def staged(owner, secret, environment=S):
    return stage(actor=owner, secret_id=secret.id, environment=environment, value=Plaintext("the-next-value"))


def test_values_by_environment_with_who_and_when(as_owner, owner, secret):
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={P: Plaintext("another-value")}))
    staged(owner, secret)
    body = page(as_owner, "secret-values", secret)
    production = body[body.index('aria-label="Production"') :]
    assert "Version 2" in production and "Live" in production and "Mara Lindqvist" in production
    assert "Destroyed" in production
    assert "Staged" in body[body.index('aria-label="Staging"') : body.index('aria-label="Production"')]
    assert VALUE not in body and "another-value" not in body


def test_older_versions_are_on_further_pages(as_owner, owner, secret):
    key = SecretValue.objects.first().data_key
    SecretValue.objects.bulk_create(
        SecretValue(secret=secret, environment="staging", version=n, state="destroyed", data_key=key, created_by="A")
        for n in range(2, 70)
    )
    first = page(as_owner, "secret-values", secret)
    assert first.count("<strong>Version") == 5 + 1 + 1
    assert "?environment=staging&amp;before=65" in first
    second = page(as_owner, "secret-values", secret, environment="staging", before="65")
    assert second.count("<strong>Version") == 50
    assert page(as_owner, "secret-values", secret, environment="staging", before="15").count("<strong>Version") == 14
    assert "No older versions" in page(as_owner, "secret-values", secret, environment="staging", before="1")


def test_activity_is_that_of_the_secret(as_owner, owner, secret):
    store_secret(owner, "another")
    staged(owner, secret)
    body = page(as_owner, "secret-activity", secret)
    assert "Staged a new value" in body
    assert body.count("<tr>") - 1 == 2
    assert f'href="{reverse("audit", args=[SLUG])}?target={secret.id}"' in body
    assert "Nothing matches these filters" in page(as_owner, "secret-activity", secret, outcome="refused")


def test_every_page_tells_of_a_staged_value_and_of_a_window(as_owner, owner, secret):
    staged(owner, secret)
    staged(owner, secret, P)
    promote(actor=owner, secret_id=secret.id, environment=P, accept_failures=True)
    kept = SecretValue.objects.get(state="previous")
    for name in TABS:
        body = page(as_owner, name, secret)
        assert "Staging: a new value was staged" in body
        assert "Production: the new value has been live since" in body
        assert f'name="seen" value="production:{kept.id}"' in body
    listing = as_owner.get(reverse("secrets", args=[SLUG])).content.decode()
    assert "New Staging value staged" in listing
    assert "left to undo" in listing
    response = as_owner.post(
        reverse("secret-rotation-rollback", args=[SLUG, secret.id, "production"]), {"seen": f"production:{kept.id}"}
    )
    assert response.status_code == 303
    kept.refresh_from_db()
    assert kept.state == "current"


def test_expiry_is_marked_where_it_is_near(as_owner, owner, secret):
    soon = datetime.now(UTC).date() + timedelta(days=9)
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(expires_on=soon))
    for body in (
        page(as_owner, "secret-values", secret),
        as_owner.get(reverse("secrets", args=[SLUG])).content.decode(),
    ):
        assert "Expires in 9 days" in body
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(expires_on=soon + timedelta(days=90)))
    assert "Expires in" not in page(as_owner, "secret-values", secret)


def test_uses_through_a_connection_are_counted_and_named(as_owner, owner, secret):
    connection = make_connection(
        owner, "https://api.example.com", headers=[{"name": "K", "value": "{secrets.crm.apiKey}"}]
    )
    for number in range(3):
        make_action(owner, f"Action {number}", uses="", base_url="", connection=str(connection.id))
    body = page(as_owner, "secret-where-used", secret)
    assert "1 reference, 3 integrations" in body
    assert body.count("through CRM API") >= 3
    assert all(f"Action {number}" in body for number in range(3))
    assert "3 integrations" in as_owner.get(reverse("secrets", args=[SLUG])).content.decode()
    assert "3 integrations use it by them" in page(as_owner, "secret-delete", secret)


def test_members_and_strangers_see_none_of_it(as_member, as_owner, outsider, secret):
    foreign = store_secret(outsider, "theirs")
    for name in TABS:
        assert as_member.get(reverse(name, args=[SLUG, secret.id])).status_code == 403
        for unknown in (foreign.id, uuid4()):
            assert as_owner.get(reverse(name, args=[SLUG, unknown])).status_code == 404


@pytest.mark.parametrize(
    "query", ["environment=moon", "environment=staging&before=x", "before=-1", "before=9999999999"]
)
def test_odd_addresses_are_made_ordinary(as_owner, secret, query):
    assert as_owner.get(f"{reverse('secret-values', args=[SLUG, secret.id])}?{query}").status_code == 200


@pytest.mark.parametrize("query", ["outcome=maybe", "cursor=nonsense"])
def test_odd_filters_of_the_activity(as_owner, secret, query):
    expected = 422 if "cursor" in query else 200
    assert as_owner.get(f"{reverse('secret-activity', args=[SLUG, secret.id])}?{query}").status_code == expected
