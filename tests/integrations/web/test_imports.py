"""The pages of imports: read, choose, look, import; and update. The pasted text is in no answer."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEvent
from integrations.models import ApiImport, Integration
from secrets_app.models import Secret, SecretValue
from tests.support.integrations.imports import CURL, DOCUMENT, KEYS
from tests.support.things import make_action

pytestmark = pytest.mark.django_db

PAGE = "/o/harbor-clinics/integrations/import/"
TEXT = json.dumps(DOCUMENT)
CREDENTIAL = "sk_live_4fG7hJ2kLm9Qw3Er"


def fingerprint(page):
    return page.context["draft"].fingerprint


def looked(client, text=TEXT, **fields):
    return client.post(PAGE, {"document": text, "act": "preview", "operation": KEYS, **fields})


def test_read_choose_look_and_import(as_owner):
    assert "Import an API" in as_owner.get(PAGE).content.decode()
    read = as_owner.post(PAGE, {"document": TEXT, "act": "read"}, HTTP_HX_REQUEST="true")
    page = read.content.decode()
    assert "<html" not in page
    assert "OpenAPI 3.1.0: Clinic CRM, version 7" in page
    assert "GET /contacts" in page
    page = looked(as_owner).content.decode()
    assert "Import 2 actions" in page
    assert '<code>limit</code> <span class="tiny">integer</span>' in page
    assert 'value="clinic.token"' in page
    assert Integration.objects.count() == 0
    sent = {
        "act": "import", "document": TEXT, "expected": fingerprint(read), "operation": KEYS, "connection_name": "CRM",
        "base_url": "https://api.clinic.example.com/v1", "environments": ["staging"], "action": KEYS,
        "action_name": ["Contacts", ""], "secret": ["clinic.token"], "secret_name": ["crm.token"],
        "scheme": ["token"], "connector": ["new"],
    }  # fmt: skip
    done = as_owner.post(PAGE, sent, follow=True)
    connection = Integration.objects.get(kind="api_connection")
    assert done.redirect_chain == [(f"/o/harbor-clinics/integrations/{connection.pk}/", 303)]
    assert "Imported CRM with 2 actions" in done.content.decode()
    assert "Update from a newer one" in done.content.decode()
    assert set(Secret.objects.values_list("name", flat=True)) == {"crm.token", "clinic.xAccountKey"}
    assert Integration.objects.get(name="Contacts").connection == connection


def test_a_file_and_buttons_that_choose_several(as_owner):
    file = SimpleUploadedFile("api.json", TEXT.encode(), "application/json")
    assert as_owner.post(PAGE, {"upload": file, "act": "reads"}).context["chosen"] == 1
    assert as_owner.post(PAGE, {"document": TEXT, "act": "all"}).context["chosen"] == 2


def test_a_command_is_looked_at_once_and_its_credential_is_never_shown(as_owner):
    page = as_owner.post(PAGE, {"document": CURL, "act": "read"})
    assert "New, with the credential from the text as its value." in page.content.decode()
    sent = {"document": CURL, "act": "import", "operation": ["POST /v1/contacts"], "expected": fingerprint(page)}
    done = as_owner.post(PAGE, sent, follow=True)
    assert SecretValue.objects.count() == 3
    assert [CREDENTIAL in each.content.decode() for each in (page, done)] == [False, False]
    assert CREDENTIAL not in json.dumps(list(AuditEvent.objects.values_list("data", flat=True)))


def test_nothing_that_was_chosen_is_lost_when_it_is_refused(owner, as_owner):
    make_action(owner, "Contacts", uses="")
    sent = {
        "document": TEXT, "act": "import", "expected": fingerprint(looked(as_owner)), "operation": KEYS,
        "action": KEYS, "action_name": ["contacts", ""], "secret": ["clinic.token"], "secret_name": ["crm.token"],
        "base_url": "https://eu.clinic.example.com",
    }  # fmt: skip
    refused = as_owner.post(PAGE, sent)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "There is an integration called contacts. Choose another name." in page
    assert 'href="#f-action-1"' in page
    assert refused.context["chosen"] == 2
    assert 'value="crm.token"' in page
    assert 'value="https://eu.clinic.example.com"' in page
    assert ApiImport.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste a description, a collection or a curl command, or choose a file."),
        ("openapi: 3.1.0\npaths: [", "Line 3: This is not YAML"),
        ("openapi: 4.0.0\npaths: {}", "Line 1: Only OpenAPI 3.0 and 3.1"),
        ("hello: world", "This is neither an OpenAPI 3"),
        ("curl", "It names no address."),
    ],
)
def test_what_cannot_be_read_is_refused(as_owner, text, said):
    refused = as_owner.post(PAGE, {"document": text, "act": "read"})
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert 'href="#f-document"' in refused.content.decode()


def test_another_text_than_the_one_that_was_looked_at_is_not_imported(as_owner):
    refused = as_owner.post(PAGE, {"document": TEXT, "act": "import", "expected": "0" * 64, "operation": KEYS})
    assert refused.status_code == 422
    assert "The text is not the one that you looked at." in refused.content.decode()
    assert Integration.objects.count() == 0


def test_an_update_shows_what_differs_and_takes_over_what_is_chosen(as_owner):
    as_owner.post(
        PAGE, {"document": TEXT, "act": "import", "operation": KEYS, "expected": fingerprint(looked(as_owner))}
    )
    record = ApiImport.objects.get()
    url = f"{PAGE}{record.pk}/"
    assert "Clinic CRM" in as_owner.get(PAGE).content.decode()
    assert "Imported from OpenAPI 3.1.0, version 7" in as_owner.get(url).content.decode()
    newer = json.loads(TEXT)
    newer["paths"]["/contacts"]["get"]["parameters"][0]["name"] = "size"
    newer = {"document": json.dumps(newer)}
    assert "Nothing differs" in as_owner.post(url, {"document": TEXT, "act": "read"}).content.decode()
    assert "Changed: query parameters, parameters." in as_owner.post(url, newer | {"act": "read"}).content.decode()
    done = as_owner.post(url, newer | {"act": "import", "change": [KEYS[0]]}, follow=True)
    assert "Updated Clinic CRM: 1 changed" in done.content.decode()
    assert Integration.objects.get(name="List contacts").config["query"][0]["name"] == "size"
    again = as_owner.post(url, newer | {"act": "import", "change": [KEYS[0]]})
    assert again.status_code == 412
    assert as_owner.post(url, {"document": "", "act": "read"}).status_code == 422
