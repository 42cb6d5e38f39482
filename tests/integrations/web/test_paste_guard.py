"""The paste guard in the editors: refused with a note, saved as a secret, kept knowingly."""

import pytest

from integrations.models import Integration
from secrets_app.models import Secret
from tests.support.things import make_action, store_secret
from tests.support.web.integration_forms import ACTION, NEW_ACTION, NEW_CONNECTOR

pytestmark = pytest.mark.django_db

KEY = "sk-proj-Zq3xK9dT0pLr7WmB2nYc4VhG8sJf5aEu"
RAW = ACTION | {"header_name": ["", "X-Api-Key"], "header_value": ["", KEY]}
NOTE = "Header X-Api-Key: this looks like an OpenAI API key"
FINDING = "config.headers[0].value:0"
SAVE = {"save_as_secret": FINDING, f"secret_name:{FINDING}": "openai.key"}
HTMX = {"HX-Request": "true"}


def test_a_raw_credential_comes_back_with_a_note_at_its_field(as_owner):
    answer = as_owner.post(NEW_ACTION, RAW)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert NOTE in page
    assert 'data-pasted-in="header_value-0"' in page
    assert 'value="OpenAI-API-key"' in page
    assert "confirm that it stays as plain text" in page
    assert not Integration.objects.exists()


def test_it_is_stored_when_the_box_is_ticked(as_owner):
    answer = as_owner.post(NEW_ACTION, RAW | {"accept_raw_credentials": "on"})
    assert answer.status_code == 303
    assert Integration.objects.get().config["headers"] == [{"name": "X-Api-Key", "value": KEY}]
    page = as_owner.get(answer.url).content.decode()
    assert NOTE not in page


def test_saved_as_a_secret_the_form_comes_back_with_its_name(as_owner):
    answer = as_owner.post(f"{NEW_ACTION}pasted/", RAW | SAVE)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "{secrets.openai.key}" in page
    assert KEY not in page
    assert "Saved openai.key as a secret. The integration is not saved yet." in page
    secret = Secret.objects.get()
    assert secret.allowed_domains == ["api.example.com"]
    assert sorted(value.environment for value in secret.values.all()) == ["production", "staging"]
    assert not Integration.objects.exists()


def test_in_a_stored_integration_too(as_owner, owner):
    store_secret(owner)
    integration = make_action(owner)
    url = f"/o/harbor-clinics/integrations/{integration.id}/"
    page = as_owner.post(f"{url}pasted/", RAW | SAVE | {"version": "1"}).content.decode()
    assert "{secrets.openai.key}" in page
    assert f'action="{url}"' in page
    integration.refresh_from_db()
    assert integration.version == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("crm.apiKey", "There is"), ("open ai", "For example: open-ai"), ("", "Enter a name.")],
)
def test_a_name_that_cannot_be_used_is_said_at_the_name(as_owner, owner, name, sentence):
    store_secret(owner)
    answer = as_owner.post(f"{NEW_ACTION}pasted/", RAW | SAVE | {f"secret_name:{FINDING}": name})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'id="e-secret_name-0"' in page
    assert sentence in page
    assert Secret.objects.count() == 1


def test_a_text_that_is_not_there_any_more_saves_nothing(as_owner):
    answer = as_owner.post(f"{NEW_ACTION}pasted/", ACTION | SAVE)
    assert answer.status_code == 422
    assert "This text has changed" in answer.content.decode()
    assert not Secret.objects.exists()


def test_while_typing_only_the_notes_come(as_owner):
    answer = as_owner.post(f"{NEW_ACTION}pasted/", RAW, headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert NOTE in page
    assert "<form" not in page
    assert KEY not in page
    assert not Secret.objects.exists()


def test_ordinary_texts_get_no_note(as_owner):
    assert as_owner.post(f"{NEW_ACTION}pasted/", ACTION, headers=HTMX).content.strip() == b""


def test_a_token_typed_into_a_connector_is_one(as_owner):
    sent = {"name": "Bearer", "type": "bearer", "token": "hunter2222"}
    assert "a credential, judging by its name" in as_owner.post(NEW_CONNECTOR, sent).content.decode()
    finding = "config.token:0"
    named = {"save_as_secret": finding, f"secret_name:{finding}": "crm.token"}
    page = as_owner.post(f"{NEW_CONNECTOR}pasted/", sent | named).content.decode()
    assert "{secrets.crm.token}" in page


def test_coming_back_to_the_address_leads_to_the_form(as_owner):
    assert as_owner.get(f"{NEW_ACTION}pasted/").url == NEW_ACTION
