"""The palette: names, pages and acts, each only for those who may see it."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import RunFactory
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db

PAGE = "/o/harbor-clinics/find/"


def found(client, text=""):
    """The lines by the heading of their group."""
    response = client.get(PAGE, {"q": text})
    assert response.status_code == 200
    groups = re.split(r'role="group" aria-label="', response.content.decode())[1:]
    return {group[: group.index('"')]: re.findall(r"</svg><span[^>]*>([^<]+)</span>", group) for group in groups}


def test_names_acts_and_pages(as_owner, owner):
    secret = store_secret(owner)
    make_action(owner, "CRM look-up")
    assert found(as_owner, "crm") == {
        "Do": ["Rotate crm.apiKey"],
        "Secrets": ["crm.apiKey"],
        "Integrations": ["CRM look-up"],
    }
    assert f'data-href="/o/harbor-clinics/secrets/{secret.id}/"' in as_owner.get(PAGE, {"q": "crm"}).content.decode()
    assert found(as_owner, "mara")["People"] == ["Mara Lindqvist"]
    assert "New API action" in found(as_owner, "action new")["Do"]
    assert found(as_owner, "short") == {"Pages": ["Keyboard shortcuts"]}
    assert "Secrets" in found(as_owner)["Pages"] and "Secrets" not in found(as_owner)


def test_run_is_found_by_its_id(as_owner, as_member, owner, outsider):
    run, theirs = RunFactory(organization=owner.organization), RunFactory(organization=outsider.organization)
    assert found(as_owner, str(run.pk)) == {"Runs": [run.integration_name]}
    assert found(as_member, str(run.pk)) == found(as_owner, str(theirs.pk)) == {}


def test_description_and_values_are_no_names(as_owner, owner):
    store_secret(owner, "crm.apiKey", "a-very-secret-value", description="The key of the clinic")
    assert found(as_owner, "clinic") == found(as_owner, "very-secret") == {}
    assert "No name matches" in as_owner.get(PAGE, {"q": "clinic"}).content.decode()


def test_member_finds_what_a_member_sees(as_member, owner):
    store_secret(owner)
    make_action(owner, "CRM look-up")
    assert found(as_member, "crm") == {"Secrets": ["crm.apiKey"], "Integrations": ["CRM look-up"]}
    assert found(as_member, "mara") == found(as_member, "audit") == {}
    assert found(as_member)["Do"] == ["Ask for a secret"]


def test_nothing_of_another_organization(as_owner, outsider):
    store_secret(outsider, "theirs.key")
    make_action(outsider, "Theirs", uses="theirs.key")
    assert found(as_owner, "theirs") == {}
    assert as_owner.get("/o/finch/find/").status_code == 404


def test_number_of_queries_is_that_of_one_name(as_owner, owner):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            found(as_owner, "key")
        return len(captured)

    store_secret(owner, "key0.crm")
    one = queries()
    for number in range(1, 12):
        store_secret(owner, f"key{number}.crm", environments=[])
        make_action(owner, f"key {number}")
    assert queries() == one
    assert len(found(as_owner, "key")["Secrets"]) == 5


@pytest.mark.parametrize("text", ["\0", "%", "_" * 500, "<b>"])
def test_odd_texts(as_owner, owner, text):
    store_secret(owner)
    assert "<b>" not in as_owner.get(PAGE, {"q": text}).content.decode()
