"""The pages of requests: a member asks, an owner creates or dismisses, the member sees which."""

import re

import pytest

from accounts.common.environments import Environment
from secrets_app.models import Secret, SecretRequest
from secrets_app.requests import listing
from secrets_app.requests.answering import OPEN_AT_MOST, ask
from secrets_app.web import requests as views_requests
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db

URL = "/o/harbor-clinics/secrets/requests/"
FORM = {"name": "insurance.apiKey", "environments": ["staging", "production"], "why": "Eligibility <checks>"}
HTMX = {"HX-Request": "true"}


def asked(actor, name="insurance.apiKey"):
    return ask(actor=actor, name=name, environments=[Environment.STAGING], why="Eligibility <checks>")


def text(client, path=URL, status=200, **headers):
    response = client.get(path, headers=headers)
    assert response.status_code == status
    return response.content.decode()


# What works


def test_story_of_a_request(as_member, as_owner):
    assert "Ask for a secret" in text(as_member, "/o/harbor-clinics/secrets/")
    assert as_member.post(URL + "new/", FORM).url == URL
    assert "insurance.apiKey" in text(as_member)
    frame = text(as_owner, "/o/harbor-clinics/integrations/")
    assert 'id="nav-waiting" title="1 waiting">' in frame
    page = text(as_owner)
    assert "Eligibility &lt;checks&gt;" in page
    link = re.search(r"/o/harbor-clinics/secrets/new/\?request=[0-9a-f-]+", page)[0]
    form = text(as_owner, link)
    assert 'value="insurance.apiKey"' in form
    assert "Eligibility &lt;checks&gt;</textarea>" in form
    assert re.search(r'value="per-env" checked', form)  # it is asked for in two environments of three
    number = SecretRequest.objects.get().id
    assert f'<input type="hidden" name="request" value="{number}">' in form
    sent = {"name": "insurance.live.apiKey", "mode": "shared", "value_all": VALUE, "request": number, "enabled": "on"}
    assert as_owner.post("/o/harbor-clinics/secrets/new/", sent).status_code == 302
    told = text(as_member)
    assert "Created" in told
    assert "{secrets.insurance.live.apiKey}" in told
    assert VALUE not in told
    assert "waiting for an answer" not in text(as_owner, "/o/harbor-clinics/integrations/")


def test_story_of_a_dismissal(as_member, as_owner, member):
    request = asked(member)
    dialog = text(as_owner, f"{URL}{request.id}/dismiss/", **HTMX)
    assert "<html" not in dialog
    assert "Eligibility &lt;checks&gt;" in dialog
    assert as_owner.post(f"{URL}{request.id}/dismiss/", {"reason": "Use <b>"}).url == URL
    told = text(as_member)
    assert "Dismissed" in told
    assert "Use &lt;b&gt;" in told
    again = as_owner.post(f"{URL}{request.id}/dismiss/", {"reason": "Once more"}, follow=True).content.decode()
    assert "has already been answered by Mara Lindqvist" in again


def test_refused_form_keeps_the_request(as_owner, member):
    request = asked(member)
    response = as_owner.post("/o/harbor-clinics/secrets/new/", {"name": "-", "mode": "shared", "request": request.id})
    assert response.status_code == 422
    assert f'name="request" value="{request.id}"' in response.content.decode()
    assert "Jonas Weber asked for this" in response.content.decode()


def test_name_is_judged_while_it_is_typed(as_member, owner, member):
    store_secret(owner)
    asked(member)
    answers = {
        name: as_member.post(URL + "check-name/", {"name": name}).content.decode()
        for name in ("new.key", "new key", "CRM.apikey", "insurance.apiKey")
    }
    assert "Nobody has asked for this name" in answers["new.key"]
    assert 'data-use-name="new-key"' in answers["new key"]
    assert "There is a secret called crm.apiKey already" in answers["CRM.apikey"]
    assert "has already asked for insurance.apiKey" in answers["insurance.apiKey"]


def test_list_has_empty_states_filters_and_pages(as_owner, as_member, owner, member, monkeypatch):
    assert "No requests yet" in text(as_member)
    assert "Nothing waits for an answer" in text(as_owner)
    assert "No requests yet" in text(as_owner, URL + "?state=")
    assert "No such request" in text(as_owner, URL + "?state=closed")
    for number in range(3):
        asked(member, f"key.number{number}")
    store_secret(owner, "key.number0")
    assert text(as_owner).count('id="request-') == 2
    assert text(as_owner, URL + "?state=").count('id="request-') == 3
    monkeypatch.setattr(listing.page, "__kwdefaults__", {"limit": 2})
    first = as_owner.get(URL + "?state=")
    assert first.content.decode().count('id="request-') == 2
    rest = text(as_owner, first.context["next_url"], **HTMX)
    assert rest.count('id="request-') == 1
    assert "<html" not in rest


def test_number_in_the_menu_has_an_end(as_owner, member, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED_AT_MOST", 1)
    asked(member, "one.key")
    asked(member, "two.key")
    assert "1+ waiting for an answer" in text(as_owner)


# Who may not


def test_member_has_no_value_field_and_does_not_see_others(as_member, owner):
    asked(owner, "owners.key")
    assert not re.search(r'name="value|type="password"', text(as_member, URL + "new/"))
    page = text(as_member)
    assert "owners.key" not in page
    assert "waiting for an answer" not in page
    assert as_member.post(f"{URL}{SecretRequest.objects.get().id}/dismiss/", {"reason": "x"}).status_code == 403


def test_value_that_is_sent_along_goes_nowhere(as_member, as_owner):
    assert as_member.post(URL + "new/", FORM | {"value": VALUE, "value_all": VALUE}).status_code == 302
    assert not Secret.objects.exists()
    assert VALUE not in text(as_owner)


def test_request_of_another_organization_does_not_exist(as_owner, outsider):
    theirs = asked(outsider)
    for path in (f"{URL}{theirs.id}/dismiss/", f"/o/harbor-clinics/secrets/new/?request={theirs.id}"):
        assert as_owner.get(path).status_code == 404
    sent = {"name": "a.key", "mode": "shared", "request": theirs.id}
    assert as_owner.post("/o/harbor-clinics/secrets/new/", sent).status_code == 404
    assert not Secret.objects.exists()


# Malformed


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"name": "a b"}, "name"), ({"environments": ["moon"]}, "environments"), ({"why": ""}, "why")],
)
def test_malformed_form_comes_back_with_what_was_typed(as_member, wrong, field):
    response = as_member.post(URL + "new/", FORM | wrong)
    assert response.status_code == 422
    content = response.content.decode()
    assert f'href="#f-{field}"' in content
    assert ("Eligibility &lt;checks&gt;" in content) == ("why" not in wrong)


def test_too_many_are_refused_on_the_form(as_member, member):
    for number in range(OPEN_AT_MOST):
        asked(member, f"key.number{number}")
    response = as_member.post(URL + "new/", FORM)
    assert response.status_code == 409
    assert "20 open requests" in response.content.decode()


@pytest.mark.parametrize("number", ["x", "00000000-0000-0000-0000-000000000000", "%00"])
def test_request_that_does_not_exist(as_owner, number):
    assert as_owner.get(f"/o/harbor-clinics/secrets/new/?request={number}").status_code == 404


def test_dismissal_without_a_reason_is_asked_again(as_owner, member):
    request = asked(member)
    response = as_owner.post(f"{URL}{request.id}/dismiss/", {"reason": " "})
    assert response.status_code == 422
    assert "Say why, for the person who asked." in response.content.decode()


def test_pages_are_only_read_with_get(as_member):
    assert as_member.post(URL).status_code == 405
    assert views_requests.index.__name__ == "index"
