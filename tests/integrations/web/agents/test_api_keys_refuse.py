"""Who may not make API keys, and forms of API keys that are wrong."""

from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client

from accounts.access.api_keys import create_api_key
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Scope
from integrations.editing.api_keys import MOST_CHOSEN
from tests.support.things import make_action
from tests.support.web.api_key_forms import CHOICES, LIST, NEW, fields, make, page_of, revoke_path

pytestmark = pytest.mark.django_db


# Who may not


def test_member_sees_no_way_there_and_gets_nowhere(as_member, owner):
    key = make(owner)
    assert LIST not in page_of(as_member, "/o/harbor-clinics/secrets/")
    for path in (LIST, NEW, revoke_path(key)):
        assert as_member.get(path).status_code == 403
    for path in (NEW, CHOICES, revoke_path(key)):
        assert as_member.post(path, fields()).status_code == 403
    assert list(ApiKey.objects.values_list("pk", "revoked_at")) == [(key.pk, None)]


def test_owner_sees_the_way_there(as_owner):
    assert f'href="{LIST}"' in page_of(as_owner, "/o/harbor-clinics/secrets/")


def test_stranger_finds_nothing(as_outsider, owner, outsider):
    key = make(owner)
    for path in (LIST, NEW, revoke_path(key)):
        assert as_outsider.get(path).status_code == 404
    own = f"/o/{outsider.organization.slug}/api-keys/"
    assert as_outsider.post(f"{own}{key.id}/revoke/").status_code == 404
    assert key.prefix not in page_of(as_outsider, own)
    assert ApiKey.objects.get().revoked_at is None


def test_an_api_key_is_no_way_in(owner):
    _, text = create_api_key(actor=owner, name="k", scopes=list(Scope), environments=ALL_ENVIRONMENTS)
    response = Client().post(NEW, fields(), headers={"Authorization": f"Bearer {text.text}"})
    assert (response.status_code, ApiKey.objects.count()) == (302, 1)


def test_a_form_without_its_token_is_refused(owner, as_owner):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_owner.cookies
    assert strict.post(NEW, fields()).status_code == 403
    assert strict.post(revoke_path(make(owner))).status_code == 403
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


# Malformed

BAD = {
    "no name": ("name", {"name": ""}),
    "blank name": ("name", {"name": "   "}),
    "name missing": ("name", {"name": None}),
    "long name": ("name", {"name": "n" * 81}),
    "NUL in the name": ("name", {"name": "a\0b"}),
    "line break in the name": ("name", {"name": "a\nb"}),
    "no scope": ("scopes", {"scopes": None}),
    "unknown scope": ("scopes", {"scopes": ["run", "root"]}),
    "no environment": ("environments", {"environments": None}),
    "unknown environment": ("environments", {"environments": ["moon"]}),
    "no reach": ("integrations", {"reach": None}),
    "unknown reach": ("integrations", {"reach": "most"}),
    "none chosen": ("integrations", {"reach": "some"}),
    "no id": ("integrations", {"reach": "some", "integrations": ["1; DROP TABLE"]}),
    "nobody's id": ("integrations", {"reach": "some", "integrations": [str(uuid4())]}),
    "too many": ("integrations", {"reach": "some", "integrations": [str(uuid4()) for _ in range(MOST_CHOSEN + 1)]}),
    "no end": ("expires", {"expires": None}),
    "unknown end": ("expires", {"expires": "-1"}),
    "no day": ("expires_on", {"expires": "date"}),
    "not a day": ("expires_on", {"expires": "date", "expires_on": "2099-02-30"}),
    "a day that is over": ("expires_on", {"expires": "date", "expires_on": "2020-01-01"}),
    "no calls at once": ("max_concurrent", {"max_concurrent": ""}),
    "zero at once": ("max_concurrent", {"max_concurrent": "0"}),
    "too many at once": ("max_concurrent", {"max_concurrent": "10001"}),
    "digits of another script": ("max_concurrent", {"max_concurrent": "٣"}),
    "negative at once": ("max_concurrent", {"max_concurrent": "-5"}),
    "zero a minute": ("max_per_minute", {"max_per_minute": "0"}),
    "too many a minute": ("max_per_minute", {"max_per_minute": "1000001"}),
    "words a minute": ("max_per_minute", {"max_per_minute": "many"}),
}


@pytest.mark.parametrize(("field", "changes"), BAD.values(), ids=BAD)
def test_each_refusal_is_at_its_field(as_owner, field, changes):
    response = as_owner.post(NEW, fields(**changes))
    page = response.content.decode()
    assert response.status_code == 422
    assert [error.field for error in response.context["errors"]] == [field]
    for needed in (f'id="f-{field}"', f'id="e-{field}"', f'href="#f-{field}"', 'aria-invalid="true"'):
        assert needed in page
    assert not ApiKey.objects.exists()
    assert not AuditEvent.objects.filter(event="api_key.created").exists()


def test_all_refusals_are_told_together(as_owner):
    response = as_owner.post(NEW, {})
    told = [error.field for error in response.context["errors"]]
    assert told == ["name", "scopes", "environments", "integrations", "expires", "max_concurrent"]


def test_what_was_typed_is_shown_again(as_owner, owner):
    action = make_action(owner, uses="")
    sent = {"reach": "some", "integrations": [str(action.id)], "expires": "date", "expires_on": "2020-01-01"}
    page = as_owner.post(NEW, fields(**sent, max_per_minute="600")).content.decode()
    for kept in ('value="voice-runtime"', f'value="{action.id}" checked', 'value="2020-01-01"', 'value="600"'):
        assert kept in page
    assert 'value="date" selected' in page


def test_integrations_of_others_are_refused_like_unknown_ones(as_owner, outsider):
    def told(chosen):
        answer = as_owner.post(NEW, fields(reach="some", integrations=[str(chosen)]))
        return answer.status_code, [error.message for error in answer.context["errors"]]

    assert told(make_action(outsider, uses="").id) == told(uuid4())


@pytest.mark.parametrize("number", ["", "no-uuid", "\0", "x" * 5000])
def test_a_form_without_its_number_makes_a_key_all_the_same(as_owner, number):
    assert as_owner.post(NEW, fields(form=number)).status_code == 200


@pytest.mark.parametrize("cursor", ["x", "WyJhIiwgImIiXQ", "WyIyMDI2LTAxLTAxIiwgIngiXQ", "e30", "WzEsIDJd"])
def test_a_cursor_of_nobody_is_refused(as_owner, cursor):
    assert as_owner.get(LIST, {"cursor": cursor}).status_code == 422


@pytest.mark.parametrize("text", ["\0", "\ud800", "%", "_" * 300, "'; --", "<script>"])
def test_odd_searches_are_harmless(as_owner, owner, text):
    make(owner)
    encoded = text.encode("utf-8", "surrogatepass")
    response = as_owner.get(f"{LIST}?{urlencode({'q': encoded})}")
    assert response.status_code == 200
    assert b"<script>&" not in response.content


def test_odd_choices_are_harmless(as_owner):
    sent = {"find": "\0%_'", "integrations": ["", "x", "\0"]}
    assert as_owner.post(CHOICES, sent, HTTP_HX_REQUEST="true").status_code == 200
