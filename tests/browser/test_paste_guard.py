"""A key pasted into a header becomes a secret, in a real browser."""

import pytest
from playwright.sync_api import expect

from integrations.models import Integration
from secrets_app.models import Secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEY = "sk-proj-Zq3xK9dT0pLr7WmB2nYc4VhG8sJf5aEu"


def test_a_pasted_key_becomes_a_secret(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/integrations/new/api_action/")
    page.get_by_label("Name", exact=True).first.fill("Summarize call")
    page.get_by_label("Base URL").fill("https://api.example.com")
    for name, value in (("X-First", "1"), ("Authorization", f"Bearer {KEY}")):
        page.get_by_role("button", name="Add header").click()
        page.locator("[name=header_name]").last.fill(name)
        page.locator("[name=header_value]").last.fill(value)
    page.keyboard.press("Tab")

    note = page.get_by_role("group", name="Header Authorization: this looks like an OpenAI API key")
    expect(note).to_be_visible()
    assert page.locator("[data-row]").last.evaluate("row => row.nextElementSibling.matches('.note')")
    assert problems(page) == []

    note.get_by_label("Name of the new secret").fill("openai.key")
    page.wait_for_load_state("networkidle")
    note.get_by_role("button", name="Save as a secret and insert its name").click()
    expect(page.get_by_text("Saved openai.key as a secret. The integration is not saved yet.")).to_be_visible()
    expect(page.locator("[name=header_value]").last).to_have_value("Bearer {secrets.openai.key}")
    assert KEY not in page.content()
    assert problems(page) == []
    assert Secret.objects.get().allowed_domains == ["api.example.com"]

    page.get_by_role("button", name="Save action").first.click()
    expect(page.get_by_role("heading", name="Summarize call")).to_be_visible()
    assert Integration.objects.get().references.get().name == "openai.key"


def test_kept_as_plain_text_it_has_to_be_ticked(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/integrations/new/auth_connector/")
    page.get_by_label("Name", exact=True).first.fill("Bearer")
    page.locator("[name=token]").fill(KEY)
    page.locator("[name=token]").press("Enter")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_role("link", name="A text looks like a credential.")).to_be_visible()
    assert problems(page) == []
    page.get_by_label("Keep this text as plain text").check()
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_role("heading", name="Bearer")).to_be_visible()
    assert Integration.objects.get().config["token"] == KEY
