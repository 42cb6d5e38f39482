"""Alerts as a person sets them up: a webhook that hears of a new secret, a channel, a delivery that is sent again."""

import re

import pytest
from playwright.sync_api import expect

from integrations.alerts import background
from integrations.models import AlertEndpoint
from tests.support.receivers import receiver
from tests.support.things import store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def make_webhook(page, url):
    """A form that is refused first and keeps what was typed, then right; the secret that is offered once."""
    page.get_by_role("link", name="Alerts").click()
    expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
    page.get_by_role("link", name="New webhook").first.click()
    page.get_by_label("URL").fill("http://10.0.0.1/hook")
    page.get_by_label("secret.created").check()
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert problems(page) == []
    expect(page.get_by_label("secret.created")).to_be_checked()
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Create webhook").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy signing secret").click()
    expect(page.locator("#toasts")).to_contain_text("Signing secret copied")
    assert problems(page) == []
    return page.evaluate("navigator.clipboard.readText()")


def add_channel(page):
    page.get_by_role("link", name="Alerts").first.click()
    page.get_by_role("button", name="Add channel").click()
    page.get_by_role("group", name="Add channel").get_by_role("link", name="E-mail").click()
    page.get_by_role("button", name="Create", exact=True).click()
    tick = page.get_by_label("Members change: Owners and admins")
    with page.expect_response(re.compile("/choose/")):
        tick.check()
    page.reload()
    expect(tick).to_be_checked()
    assert problems(page) == []


def test_webhook_hears_of_a_secret_and_a_channel_is_chosen(sign_in, owner, together):
    page = sign_in(owner)
    with receiver() as found:
        secret = make_webhook(page, found.url)
        page.get_by_role("link", name="I have copied it").click()
        store_secret(owner, "crm.apiKey")
        assert together(background.deliver_now) == [None]
        page.reload()
        page.get_by_role("row").filter(has_text="secret.created").get_by_role("link").click()
        expect(page.locator("#tries")).to_contain_text("Answered 200")
        page.get_by_role("button", name="Send again now").click()
        assert together(background.deliver_now) == [None]
        expect(page.locator("#tries li")).to_have_count(2)  # the page asks by itself
        assert problems(page) == []
        assert [event["type"] for event in found.verified(secret)] == ["secret.created", "secret.created"]
    add_channel(page)
    assert AlertEndpoint.objects.get(kind="email").events[:2] == ["integration.failing", "integration.recovered"]
