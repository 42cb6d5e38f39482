"""Typing into forms as people do: mistakes, leaving, two tabs; and finding things by the keyboard."""

import pytest
from playwright.sync_api import expect

from accounts.common.environments import Environment
from secrets_app.models import Secret
from tests.support.things import make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

VALUE = "the-value-that-was-typed"


def test_what_was_typed_stays_until_it_is_saved(sign_in, owner, site):
    taken = store_secret(owner, "crm.apiKey")
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/secrets/new/")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("CRM.apikey")
    page.get_by_role("textbox", name="Production").fill(VALUE)
    page.get_by_label("Rotate every").fill("0")
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.get_by_role("button", name="Save secret").click()
    expect(page.get_by_role("alert")).to_contain_text("Name: There is a secret called crm.apiKey already")
    expect(page.get_by_role("alert")).to_contain_text("Rotate every … days: Enter a number of days")
    assert not any(VALUE in body for body in sent)
    assert problems(page) == []
    expect(page.get_by_role("textbox", name="Production")).to_have_value(VALUE)

    page.get_by_role("link", name="Integrations", exact=True).click()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    expect(dialog.get_by_role("button", name="Stay and save")).to_be_focused()
    assert problems(page) == []
    page.keyboard.press("Escape")
    page.get_by_label("Name", exact=True).fill("crm.other")
    page.get_by_label("Rotate every").fill("30")
    page.get_by_role("link", name="Integrations", exact=True).click()
    dialog.get_by_role("button", name="Stay and save").click()
    expect(page.get_by_text("Saved crm.other")).to_be_visible()
    assert Secret.objects.filter(name="crm.other", rotate_every_days=30).exists()

    page.goto(f"{site}/o/harbor-clinics/secrets/{taken.id}/edit/")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("This is open in another tab as well")).to_be_visible()
    expect(page.get_by_text("This is open in another tab as well")).to_be_visible()
    other.get_by_label("Description").fill("About it")
    other.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("This was saved in another tab")).to_be_visible()
    assert problems(page) == []


def test_find_and_menus_by_the_keyboard(sign_in, owner, site):
    secret = store_secret(owner)
    make_action(owner)
    page = sign_in(owner)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Find or do")
    expect(palette.get_by_role("option", name="New secret")).to_have_attribute("aria-selected", "true")
    assert problems(page) == []
    page.keyboard.type("crm")
    expect(palette.get_by_role("option", name="Rotate crm.apiKey")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}/o/harbor-clinics/secrets/{secret.id}/")
    assert problems(page) == []

    page.get_by_role("button", name="More for crm.apiKey").focus()
    page.keyboard.press("ArrowDown")
    menu = page.get_by_role("group", name="More for crm.apiKey")
    expect(menu.get_by_role("link", name="Replace everywhere…")).to_be_focused()
    page.keyboard.press("End")
    expect(menu.get_by_role("link", name="Delete…")).to_be_focused()
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".graph.narrow")).to_be_visible()
    expect(page.locator(".graph.wide")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert problems(page) == []


def test_a_test_sends_what_is_on_the_screen_and_can_be_cancelled(sign_in, owner, site, received):
    seen, address = received
    store_secret(owner)
    action = make_action(owner, base_url=address, path="/v1/me", environments=(Environment.DEVELOPMENT,))
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/integrations/{action.id}/")
    page.locator("#f-path").fill("/v2/people")
    expect(page.get_by_text("The test saves them first")).to_be_visible()
    assert problems(page) == []
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("200 OK")).to_be_visible()
    assert [request["path"] for request in seen] == ["/v2/people"]
    expect(page.get_by_text("The test saves them first")).to_be_hidden()
    with page.expect_response("**/domain-check/"):
        page.locator("#f-path").fill("/v3/people")
    page.get_by_role("button", name="Save action").first.click()
    expect(page.get_by_text("Saved Look up patient")).to_be_visible()

    page.route("**/test/", lambda route: None)  # a request that is not answered
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("Sending… 0.")).to_be_visible()
    page.get_by_role("button", name="Cancel the test").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    page.goto(f"{site}/o/harbor-clinics/integrations/")
    page.get_by_role("button", name="More for Look up patient").click()
    expect(page.get_by_role("link", name="Tools for agents")).to_be_visible()
    assert problems(page) == []
