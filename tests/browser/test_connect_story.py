"""Connecting an agent as a person does it: choose, copy the key and a snippet, see the first call arrive."""

from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from accounts.access.key_text import read_key
from accounts.models import ApiKey
from tests.support.things import make_action
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def clean(page):
    assert problems(page) == []


def call(site, text):
    """A call of an agent with this key."""
    headers = {"Authorization": f"Bearer {text}", "User-Agent": "an-agent/1.0"}
    with urlopen(Request(f"{site}/api/v1/sessions", headers=headers)) as answer:
        assert answer.status == 200


def choose(page):
    """A form that is refused first, then right; the preview follows."""
    page.get_by_role("link", name="Agents and keys").click()
    page.get_by_role("link", name="Connect an agent").click()
    expect(page.get_by_role("heading", name="It will see 0 tools")).to_be_visible()
    clean(page)
    page.get_by_label("LiveKit Agents").check()
    page.get_by_label("Look up patient").check()
    expect(page.get_by_role("heading", name="It will see 1 tool", exact=True)).to_be_visible()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a name of 1 to 80 characters")
    clean(page)
    expect(page.get_by_label("LiveKit Agents")).to_be_checked()
    expect(page.get_by_label("Look up patient")).to_be_checked()
    page.get_by_label("Name of the agent").fill("reception-agent")
    page.get_by_role("button", name="Make the key").click()


def copied(page, button):
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("opied")
    return page.evaluate("navigator.clipboard.readText()")


def test_choose_paste_first_call(sign_in, owner, site):
    make_action(owner, "Look up patient", uses="")
    make_action(owner, "Other action", uses="")
    page = sign_in(owner)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(page)
    expect(page.get_by_text("Waiting for the first call")).to_be_visible()
    clean(page)
    text = copied(page, "Copy key")
    assert read_key(text) is not None
    assert text not in page.locator("body").inner_text()
    assert "MCPServerHTTP" in copied(page, "Copy what LiveKit Agents needs")
    page.get_by_label("Agent", exact=True).select_option("Vapi")
    assert f"Bearer {text}" in copied(page, "Copy what Vapi needs")
    assert text not in page.locator("body").inner_text()
    expect(page.get_by_role("region", name="What LiveKit Agents needs")).to_be_hidden()
    call(site, text)
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="an-agent/1.0")).to_be_visible()
    expect(page.locator("#steps [aria-current=step]")).to_contain_text("First call")
    clean(page)
    page.get_by_role("link", name="Open reception-agent").click()
    expect(page.get_by_text("look_up_patient")).to_be_visible()
    clean(page)
    assert ApiKey.objects.count() == 1
