"""Pages of secrets: what works, who may not, what is malformed. Values go in and are never in any answer."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.common.environments import Environment
from integrations.editing.integrations import create_integration
from secrets_app.editing.secrets import create_secret
from secrets_app.inventory import inventory
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"
VALUE = "canary-of-the-pages-5f1c"
LIST = f"/o/{SLUG}/secrets/"
NEW = f"/o/{SLUG}/secrets/new/"


def sent(**fields):
    return {"name": "crm.apiKey", "mode": "shared", "value_all": VALUE, "enabled": "on", **fields}


def page_of(name, secret):
    return reverse(name, args=[SLUG, secret.id])


def states(secret):
    row = inventory.one(secret.organization, secret.id)
    return [row.environments[environment].state for environment in Environment]


@pytest.fixture
def secret(owner):
    values = {environment: Plaintext(f"{VALUE}-{environment}") for environment in Environment}
    return create_secret(actor=owner, name="crm.apiKey", values=values, description="Patient records")


@pytest.fixture
def used_secret(owner, secret):
    create_integration(
        actor=owner,
        kind="api_action",
        name="Look up patient",
        environments=[Environment.STAGING],
        config={
            "base_url": "https://api.example.com",
            "method": "GET",
            "path": "/me",
            "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}],
        },
    )
    return secret


# What works


def test_one_value_for_all_environments(as_owner):
    response = as_owner.post(NEW, sent())
    assert (response.status_code, response.url) == (302, LIST)
    secret = Secret.objects.get()
    assert states(secret) == ["set", "set", "set"]
    assert inventory.one(secret.organization, secret.id).shared


def test_one_value_per_environment(as_owner):
    as_owner.post(NEW, sent(mode="per-env", value_all="", value_staging=VALUE))
    assert states(Secret.objects.get()) == ["missing", "set", "missing"]


def test_line_breaks_are_stored_as_they_were_typed(as_owner, monkeypatch):
    stored = []
    monkeypatch.setattr(
        "secrets_app.sealing.keyring.crypto.seal_value", lambda key, value, context: stored.append(value) or b"x"
    )
    as_owner.post(NEW, sent(mode="per-env", value_all="", value_staging="first line\r\nsecond line\r\n"))
    assert [value.expose() for value in stored] == ["first line\nsecond line\n"]


def test_blank_fields_keep_what_is_there(as_owner, secret):
    before = list(secret.values.order_by("environment").values_list("pk", flat=True))
    as_owner.post(
        page_of("secret-edit", secret), sent(mode="per-env", value_all="", description="New words", version="1")
    )
    secret.refresh_from_db()
    assert secret.description == "New words"
    assert list(secret.values.order_by("environment").values_list("pk", flat=True)) == before


def test_a_value_with_a_pasted_prefix_is_stored_with_a_warning(as_owner):
    response = as_owner.post(NEW, sent(value_all=f"Bearer {VALUE}"), follow=True)
    text = response.content.decode()
    assert "Bearer" in text
    assert VALUE not in text


def test_inventory_shows_name_status_and_use(as_owner, used_secret):
    text = as_owner.get(LIST).content.decode()
    for words in ("crm.apiKey", "Patient records", "Active"):
        assert words in text


def test_names_that_are_referenced_but_missing_come_first_with_a_way_out(as_owner, owner, used_secret):
    config = {"base_url": "https://api.example.com", "method": "GET", "path": "/{secrets.billing.token}"}
    create_integration(
        actor=owner, kind="api_action", name="Billing", environments=[Environment.STAGING], config=config
    )
    text = as_owner.get(LIST).content.decode()
    assert text.index("billing.token") < text.index("crm.apiKey")
    assert f"{NEW}?name=billing.token" in text


def test_search_and_filter_narrow_the_list(as_owner, owner, secret):
    create_secret(actor=owner, name="other", values={Environment.STAGING: Plaintext(VALUE)})
    assert "crm.apiKey" not in as_owner.get(LIST, {"q": "oth"}).content.decode()
    assert (
        "crm.apiKey"
        not in as_owner.get(LIST, {"environment": "without-production"}, HTTP_HX_REQUEST="true").content.decode()
    )


def test_disable_and_enable_answer_with_the_row(as_owner, secret):
    response = as_owner.post(page_of("secret-disable", secret), HTTP_HX_REQUEST="true")
    assert "Disabled" in response.content.decode()
    assert "Disabled crm.apiKey" in response.content.decode()
    assert response.headers["HX-Trigger"] == "counts"
    as_owner.post(page_of("secret-enable", secret))
    secret.refresh_from_db()
    assert secret.enabled


def test_details_show_references_and_use(as_owner, used_secret):
    text = as_owner.get(page_of("secret-details", used_secret)).content.decode()
    assert "Look up patient" in text
    assert "Header · Authorization" in text


def test_delete_after_the_name_was_typed(as_owner, secret):
    response = as_owner.post(page_of("secret-delete", secret), {"confirm": "crm.apiKey"})
    assert response.status_code == 302
    assert not Secret.objects.exists()


def test_the_list_costs_the_same_for_one_row_and_for_three(as_owner, owner, used_secret):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            as_owner.get(LIST)
        return len(captured)

    as_owner.get(LIST)
    one = queries()
    for name in ("second", "third"):
        create_secret(actor=owner, name=name, values={Environment.STAGING: Plaintext(VALUE)})
    assert queries() == one


# Who may not


def test_a_member_sees_names_and_descriptions_and_nothing_else(as_member, used_secret):
    text = as_member.get(LIST).content.decode()
    assert "crm.apiKey" in text
    assert "Patient records" in text
    for words in ("Active", "Usage count", "Last used", NEW, "Development"):
        assert words not in text


@pytest.mark.parametrize("name", ["secret-edit", "secret-delete", "secret-details"])
def test_a_member_is_told_that_the_role_is_not_enough(as_member, secret, name):
    response = as_member.get(page_of(name, secret))
    assert response.status_code == 403
    assert "Member" in response.content.decode()


@pytest.mark.parametrize("name", ["secret-edit", "secret-delete", "secret-details"])
def test_for_an_outsider_it_does_not_exist(as_outsider, secret, name):
    assert as_outsider.get(page_of(name, secret)).status_code == 404


def test_a_foreign_secret_under_the_own_organization_does_not_exist(as_outsider, outsider, secret):
    path = reverse("secret-edit", args=[outsider.organization.slug, secret.id])
    assert as_outsider.get(path).status_code == 404


# What is malformed


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "2 token!"}, "name"),
        ({"name": ""}, "name"),
        ({"value_all": "x" * 65_537}, "value_all"),
        ({"value_all": "with a \0 inside"}, "value_all"),
        ({"value_all": "short"}, "value_all"),
        ({"mode": "per-env", "value_production": "short"}, "value_production"),
        ({"domains": ["https://example.com/path"]}, "domains"),
        ({"domains": ["*"]}, "domains"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_a_refusal_names_the_field_and_returns_everything_but_the_value(as_owner, fields, field):
    response = as_owner.post(NEW, sent(**{"description": "kept words", **fields}))
    text = response.content.decode()
    assert response.status_code == 422
    assert f'id="e-{field}"' in text
    assert VALUE not in text
    assert "short<" not in text
    assert "description" in fields or "kept words" in text
    assert not Secret.objects.exists()


def test_a_name_taken_in_another_case(as_owner, secret):
    response = as_owner.post(NEW, sent(name="CRM.APIKEY"))
    assert response.status_code == 422
    assert "There is a secret called crm.apiKey already" in response.content.decode()


def test_a_short_value_is_taken_when_the_person_says_so(as_owner):
    as_owner.post(NEW, sent(value_all="1234", allow_short="on"))
    assert states(Secret.objects.get()) == ["set", "set", "set"]


def test_other_domains_demand_new_values(as_owner, secret):
    form = sent(mode="per-env", value_all="", domains=["api.example.com"], version="1")
    response = as_owner.post(page_of("secret-edit", secret), form)
    text = response.content.decode()
    assert response.status_code == 422
    for environment in Environment:
        assert f'id="e-value_{environment}"' in text
    secret.refresh_from_db()
    assert secret.allowed_domains == []


def test_an_edit_of_a_stale_page_is_told_and_loses_nothing(as_owner, secret):
    as_owner.post(page_of("secret-edit", secret), sent(mode="per-env", value_all="", description="first", version="1"))
    response = as_owner.post(
        page_of("secret-edit", secret), sent(mode="per-env", value_all="", description="second", version="1")
    )
    assert "Somebody else changed this secret" in response.content.decode()
    assert "second" in response.content.decode()
    secret.refresh_from_db()
    assert secret.description == "first"


def test_delete_asks_for_the_exact_name(as_owner, secret):
    response = as_owner.post(page_of("secret-delete", secret), {"confirm": "crm.apikey"})
    assert response.status_code == 422
    assert Secret.objects.exists()


def test_delete_of_a_used_secret_lists_the_references(as_owner, used_secret):
    for response in (
        as_owner.get(page_of("secret-delete", used_secret)),
        as_owner.post(page_of("secret-delete", used_secret), {"confirm": "crm.apiKey"}),
    ):
        assert "Look up patient" in response.content.decode()
    assert Secret.objects.exists()


def test_a_value_in_the_address_is_refused(as_owner):
    assert as_owner.get(NEW, {"value": VALUE}).status_code == 400
    assert as_owner.get(NEW, {"value_staging": VALUE}).status_code == 400


def test_the_proposed_name_is_offered(as_owner):
    response = as_owner.post(f"{LIST}check-name/", {"name": "HubSpot API key – production"})  # noqa: RUF001
    assert "HubSpot-API-key-production" in response.content.decode()


def test_a_get_never_switches(as_owner, secret):
    assert as_owner.get(page_of("secret-disable", secret)).status_code == 405
