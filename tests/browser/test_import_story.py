"""Imports as a person does them: a `.env` text (paste, check, apply; and a file), an API and a curl command."""

import json

import pytest
from playwright.sync_api import expect

from integrations.models import ApiImport, Integration
from secrets_app.models import Secret
from tests.support.integrations.imports import CURL, DOCUMENT
from tests.support.things import store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = """# canary
export HUBSPOT_API_KEY='canary-hubspot-11aa22'
crm.apiKey=canary-of-the-crm-33bb # replaced
2FA_SEED=canary-of-the-seed-44cc
DEBUG=1
"""
LISTEN = """() => {
  window.said = [];
  const box = document.querySelector("#import-busy"), hear = () => box.hidden || window.said.push(box.innerText);
  new MutationObserver(hear).observe(box, {subtree: true, childList: true, characterData: true, attributes: true});
}"""


def clean(page):
    assert problems(page) == []
    assert "canary" not in page.locator("#plan").inner_text()


def test_paste_check_fix_a_name_apply(sign_in, owner, site):
    store_secret(owner)
    page = sign_in(owner)
    page.get_by_role("link", name="Import…").click()
    page.get_by_label("Text of the .env file").fill(TEXT)
    expect(page.get_by_label("Lines that were pasted").get_by_role("listitem").first).to_contain_text("=••••••••")
    page.locator("[name=environment][value=staging]").check(force=True)
    page.get_by_role("button", name="Check", exact=True).click()

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_text("1 line is refused")).to_be_visible()
    expect(page.get_by_label("Name for line 4")).to_have_value("FA_SEED")
    clean(page)

    page.get_by_label("Name for line 4").fill("crm.seed")
    expect(page.get_by_label("Leave out line 5")).to_be_checked()
    expect(page.get_by_text("looks like a setting").first).to_be_visible()
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("3 values can be imported into Staging")).to_be_visible()
    expect(page.get_by_label("Text of the .env file")).to_have_value(TEXT)
    clean(page)

    page.get_by_role("button", name="Import 3 values").click()
    expect(page.get_by_text("Imported into Staging: 2 created, 1 with a new value")).to_be_visible()
    assert set(Secret.objects.values_list("name", flat=True)) == {"HUBSPOT_API_KEY", "crm.apiKey", "crm.seed"}
    page.go_back()
    expect(page.get_by_label("Text of the .env file")).to_have_value("")


def test_file_of_two_thousand_lines(sign_in, owner, site):
    text = "".join(f"SERVICE_{n}_KEY='canary-of-service-{n}'\n" for n in range(2000))
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/secrets/import/")
    page.evaluate(LISTEN)
    page.get_by_label("Or choose the file").set_input_files(
        {"name": ".env", "mimeType": "text/plain", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("2,000 values can be imported")).to_be_visible()
    assert any("at work" in words for words in page.evaluate("window.said"))
    expect(page.locator("#import-busy")).to_be_hidden()
    page.get_by_role("button", name="Import 2,000 values").click()
    expect(page.get_by_text("Imported into Development: 2,000 created")).to_be_visible(timeout=60_000)
    assert Secret.objects.count() == 2000


def test_file_that_is_too_large_is_told_before_it_travels(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/secrets/import/")
    page.get_by_label("Or choose the file").set_input_files(
        {"name": ".env", "mimeType": "text/plain", "buffer": b"x" * 1_048_577}
    )
    said = page.get_by_label("Or choose the file").evaluate("input => input.validationMessage")
    assert said == "The text has more than 1 MiB. Import it in parts."


def test_paste_choose_look_import_and_update(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/{owner.organization.slug}/integrations/import/")
    assert problems(page) == []
    page.get_by_label("Text", exact=True).fill(json.dumps(DOCUMENT))
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.get_by_text("OpenAPI 3.1.0: Clinic CRM, version 7")).to_be_visible()
    page.get_by_label("List contacts").check()
    page.get_by_role("button", name="Look at them").click()
    expect(page.get_by_label("Base URL")).to_have_value("https://api.clinic.example.com/v1")
    expect(page.get_by_text("Only reads")).to_be_visible()
    assert problems(page) == []
    page.get_by_label("Secret for token").fill("crm.token")
    page.get_by_label("Staging").check()
    page.get_by_role("button", name="Import 1 action").click()
    expect(page.get_by_text("Imported Clinic CRM with 1 action")).to_be_visible()
    assert Integration.objects.get(name="List contacts").connection.name == "Clinic CRM"

    page.get_by_role("link", name="Update from a newer one").click()
    newer = json.loads(json.dumps(DOCUMENT))
    newer["paths"]["/contacts"]["get"]["description"] = "Newest first"
    page.get_by_label("Text", exact=True).fill(json.dumps(newer))
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Changed: description.")).to_be_visible()
    assert problems(page) == []
    page.get_by_label("List contacts").check()
    page.get_by_role("button", name="Update", exact=True).click()
    expect(page.get_by_text("Updated Clinic CRM: 1 changed")).to_be_visible()


def test_a_command_becomes_an_action_and_its_credential_a_secret(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/{owner.organization.slug}/integrations/import/")
    page.get_by_label("Text", exact=True).fill(CURL)
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.get_by_text("New, with the credential from the text as its value.")).to_be_visible()
    assert "sk_live" not in page.locator("#plan").inner_text()
    assert problems(page) == []
    page.get_by_role("button", name="Import 1 action").click()
    expect(page.get_by_text("with 1 action", exact=False)).to_be_visible()
    assert ApiImport.objects.count() == 1
