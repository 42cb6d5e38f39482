"""The main job as a person does it: store a secret, point an action at it, send the test, clear up."""

import pytest
from playwright.sync_api import expect

from secrets_app.models import Secret
from tests.support.things import make_connector
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

VALUES = {
    "Development": "canary-development-3c1d77",
    "Staging": "canary-staging-5be209",
    "Production": "canary-production-8fa415",
}


def store_secret(page, site):
    page.goto(f"{site}/o/harbor-clinics/secrets/new/")
    page.get_by_label("Name", exact=True).fill("crm.apiKey")
    page.get_by_text("One value per environment").click()
    for environment, value in VALUES.items():
        page.get_by_role("textbox", name=environment, exact=True).fill(value)
    assert problems(page) == []
    page.get_by_role("button", name="Save secret").click()
    expect(page.get_by_role("link", name="crm.apiKey")).to_be_visible()


def store_action(page, site, base_url):
    page.goto(f"{site}/o/harbor-clinics/integrations/new/api_action/")
    page.get_by_label("Name", exact=True).first.fill("Look up patient")
    page.get_by_label("Base URL").fill(base_url)
    page.get_by_label("Path", exact=True).fill("/v2/patients")
    page.get_by_role("button", name="Add header").click()
    page.locator("[name=header_name]").last.fill("Authorization")
    page.locator("[name=header_value]").last.press_sequentially("Bearer {crm")
    expect(page.get_by_role("option", name="crm.apiKey")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[name=header_value]").last).to_have_value("Bearer {secrets.crm.apiKey}")
    choose_by_name(page)
    page.locator("[name=environments][value=staging]").check(force=True)
    assert problems(page) == []
    page.get_by_role("button", name="Save action").first.click()
    expect(page.get_by_role("heading", name="Look up patient")).to_be_visible()


def choose_by_name(page):
    """A connector is chosen with the keyboard among suggestions, and a name that no secret has is marked."""
    connector = page.get_by_role("combobox", name="Auth connector")
    connector.press_sequentially("bear")
    expect(page.get_by_role("option", name="CRM bearer token")).to_be_visible()
    assert problems(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(connector).to_have_value("CRM bearer token")
    expect(connector).to_have_attribute("aria-expanded", "false")
    connector.fill("")  # the header above is the credential
    page.keyboard.press("Escape")
    page.get_by_label("Path", exact=True).fill("/v2/{secrets.no.such}")
    page.get_by_label("Base URL").focus()
    expect(page.locator(".editor .ref.bad")).to_have_text("{secrets.no.such}")
    page.get_by_label("Path", exact=True).fill("/v2/patients")


def send_test(page):
    page.get_by_role("group", name="Environment").or_(
        page.get_by_role("radiogroup", name="Environment")
    ).last.get_by_label("Staging").check(force=True)
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("200 OK")).to_be_visible()


def test_the_value_of_staging_arrives_and_is_seen_nowhere(sign_in, owner, site, received):
    seen, base_url = received
    page = sign_in(owner, opens="")

    store_secret(page, site)
    connector = make_connector(owner, uses="of.connector")
    store_action(page, site, base_url)
    connector.delete()
    send_test(page)

    assert [request["headers"]["Authorization"] for request in seen] == [f"Bearer {VALUES['Staging']}"]
    assert not any(value in page.content() for value in VALUES.values())
    expect(page.get_by_text("The reply repeated")).to_be_visible()
    assert problems(page) == []

    page.goto(f"{site}/o/harbor-clinics/secrets/")
    page.get_by_role("button", name="Details of crm.apiKey").click()
    expect(page.get_by_role("link", name="Look up patient")).to_be_visible()
    expect(page.get_by_text("1 call", exact=True)).to_be_visible()
    assert problems(page) == []

    page.get_by_role("button", name="More for crm.apiKey").click()
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("heading", name="crm.apiKey is in use")).to_be_visible()
    assert problems(page) == []
    page.get_by_role("link", name="Open Look up patient").click()

    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete").click()
    page.goto(f"{site}/o/harbor-clinics/secrets/")
    page.get_by_role("button", name="More for crm.apiKey").click()
    page.get_by_role("link", name="Delete…").click()
    delete = page.get_by_role("button", name="Delete secret")
    expect(delete).to_be_disabled()
    page.get_by_label("Type the name to confirm").fill("crm.apiKey")
    delete.click()
    expect(page.get_by_role("heading", name="No secrets yet")).to_be_visible()
    assert not Secret.objects.exists()


def test_values_do_not_come_back_after_a_refusal_nor_with_the_back_button(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/secrets/new/")
    page.get_by_label("Name", exact=True).fill("2 token!")
    value = page.get_by_role("textbox", name="Staging")
    value.fill(VALUES["Staging"])
    page.evaluate("document.querySelector('form[data-check]').submit()")  # as a browser without scripts sends it
    expect(page.get_by_text("The secret was not saved")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("2 token!")
    expect(value).to_have_value("")
    assert problems(page) == []
    page.go_back()
    expect(value).to_have_value("")


def test_the_organization_switcher_leads_to_a_new_organization(sign_in, owner, site):
    page = sign_in(owner)
    page.get_by_role("button", name="Harbor Clinics Owner").click()
    page.get_by_role("link", name="New organization").click()
    page.get_by_label("Name").fill("Voice Lab")
    page.get_by_role("button", name="Create organization").click()
    expect(page).to_have_url(f"{site}/o/voice-lab/overview/")
    page.get_by_role("button", name="Voice Lab Owner").click()
    page.get_by_role("link", name="Harbor Clinics").click()
    expect(page).to_have_url(f"{site}/o/harbor-clinics/overview/")


def test_signing_out_ends_it(sign_in, owner, site):
    page = sign_in(owner)
    page.locator("#user-open").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{site}/o/harbor-clinics/secrets/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
