"""What support needs of the administration: words instead of columns, finding things by ids and names, one page that
says how an organization is doing."""

import pytest
from django.urls import reverse

from accounts.models import ApiKey, AuditEvent, Invitation, Membership, Organization, User
from accounts.policy import Role
from integrations.models import Integration, Run
from secrets_app.models import Secret
from tests import factories
from tests.support.staff import staff_browser
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.fixture
def staff(db):
    return staff_browser()


def list_of(model, **query):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist", query=query)


def text(client, path):
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def page_of(client, row):
    return text(client, reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))


def test_index_names_the_parts_of_the_product(staff):
    page = text(staff, reverse("admin:index"))
    assert all(words in page for words in ("People and organizations", "Integrations and runs", "Secrets"))
    assert "Secrets_App" not in page and "Secrets_app" not in page


def test_columns_are_words(staff, owner):
    key_for(owner)
    secret = store_secret(owner, allowed_domains=["api.example.com"])
    action = make_action(owner)
    run = factories.RunFactory(organization=owner.organization, refused=True, steps={"admitted": 0.4})
    event = AuditEvent.objects.filter(event="secret.created").get()
    pages = {
        text(staff, list_of(ApiKey)): ["Make calls, List secrets"],
        page_of(staff, secret): ["api.example.com"],
        page_of(staff, action): ["API action", "Staging", "&quot;base_url&quot;"],
        page_of(staff, run): ["Refused", "API action", "admitted 0.4 ms"],
        page_of(staff, event): ["Created secret", "Done"],
    }
    for page, words in pages.items():
        assert [each for each in words if each not in page] == []
        assert "[&#x27;" not in page and "[&quot;run" not in page


def test_runs_and_events_are_found_by_their_ids_in_every_organization(staff, owner, outsider):
    run = factories.RunFactory(organization=owner.organization, integration_name="Ours", request_id="req-7f3a9b21")
    factories.RunFactory(organization=outsider.organization, integration_name="Theirs")
    store_secret(owner)
    event = AuditEvent.objects.filter(organization_id=owner.organization.id).latest("created_at")
    one = str(owner.organization.id)
    other = str(outsider.organization.id)
    cases = {
        (Run, "Ours"): [{"q": str(run.pk)}, {"q": "req-7f3a9b21"}, {"q": str(run.pk), "organization": one},
                        {"q": str(run.integration_id), "organization": one}, {"q": run.caller, "organization": one}],
        (AuditEvent, "crm.apiKey"): [{"q": str(event.pk)}, {"q": str(event.pk), "organization": one}],
    }  # fmt: skip
    for (model, words), queries in cases.items():
        assert [query for query in queries if words not in text(staff, list_of(model, **query))] == []
    assert "Ours" not in text(staff, list_of(Run, q=str(run.pk), organization=other))
    assert "0 results" in text(staff, list_of(Run, q="Ours"))


def test_lists_are_searched_by_organization_person_and_id(staff, owner, member):
    secret, action = store_secret(owner), make_action(owner)
    key_for(owner)
    user = User.objects.get(pk=member.id)
    invitation = factories.InvitationFactory(organization=owner.organization, email="noor@harbor.example")
    name, membership = owner.organization.name, Membership.objects.get(user=user)
    queries = {
        Organization: [name[:4], str(owner.organization.pk), user.email],
        User: [str(user.pk), user.name[:5]],
        Membership: [user.name[:5], user.email[:4], name, str(membership.pk)],
        Invitation: ["noor", name, str(invitation.pk)],
        ApiKey: [name, owner.organization.slug],
        Secret: [name, str(secret.pk)],
        Integration: [name, str(action.pk), "look_up"],
    }
    missed = {
        (model.__name__, query)
        for model, texts in queries.items()
        for query in texts
        if "0 results" in text(staff, list_of(model, q=query))
    }
    assert missed == set()
    assert "0 results" in text(staff, list_of(Organization, q="nobody-has-this"))


def test_filters_of_keys_integrations_and_runs(staff, owner):
    key_for(owner)
    make_action(owner)
    factories.RunFactory(organization=owner.organization, failed=True)
    one = str(owner.organization.id)
    shown = {
        (ApiKey, "state", "in_force"): "1 API key",
        (ApiKey, "state", "revoked"): "0 API keys",
        (ApiKey, "state", "suspended"): "0 API keys",
        (ApiKey, "state", "expired"): "0 API keys",
        (Integration, "environment", "staging"): "1 integration",
        (Integration, "environment", "production"): "0 integrations",
        (Run, "error_code", "upstream_timeout"): "1 run",
        (Run, "error_code", "secret_missing"): "0 runs",
    }
    of_one = {Run: {"organization": one}}
    pages = {
        (model, name, value): text(staff, list_of(model, **{name: value}, **of_one.get(model, {})))
        for model, name, value in shown
    }
    assert {case for case, words in shown.items() if words not in pages[case]} == set()


def test_page_of_an_organization_says_how_it_is_doing(staff, owner, member):
    key_for(owner)
    store_secret(owner)
    make_action(owner)
    factories.RunFactory(organization=owner.organization, integration_name="Look up patient", failed=True)
    page = page_of(staff, owner.organization)
    for words in (
        "Owners: 1; Members: 1",
        "never used",
        "Look up patient, Failed",
        ", by Mara Lindqvist, 20",
    ):
        assert words in page
    assert page.count(f"?q={owner.organization.slug}") == 3
    empty = page_of(staff, factories.OrganizationFactory())
    assert empty.count(">None<") >= 3


def test_page_of_a_person_names_the_organizations(staff, owner):
    page = page_of(staff, User.objects.get(pk=owner.id))
    assert f'/organization/{owner.organization.pk}/change/">' in page and f", {Role.OWNER.value}" in page
