"""An MCP server as a person meets it: written, checked, its tools listed, one approved, and marked when it changed."""

import json

import pytest
from playwright.sync_api import expect

from tests.peers import mcp
from tests.support.things import VALUE, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def looks_right(page):
    assert problems(page) == []
    assert VALUE not in page.content()


def write_server(page, site, url):
    page.goto(f"{site}/o/harbor-clinics/integrations/new/mcp_server/")
    page.get_by_label("Name", exact=True).first.fill("CRM tools")
    page.get_by_label("Staging").check()
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Add").first.click()
    page.locator("[name=headers_name]").first.fill("Authorization")
    page.locator("[name=headers_value]").first.fill("Bearer {secrets.crm.apiKey}")
    page.locator("[name=headers_value]").first.press("Escape")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("heading", name="CRM tools").wait_for()


def list_tools(page):
    page.get_by_role("button", name="List tools").click()
    expect(page.locator("#tools")).to_contain_text("5 tools")


def test_tools_are_approved_and_a_change_is_seen(sign_in, owner, site):
    store_secret(owner)
    with mcp.modern(VALUE) as url:
        page = sign_in(owner)
        write_server(page, site, url)
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.locator("#steps")).to_contain_text("The server offers 5 tools.")
        list_tools(page)
        page.get_by_role("button", name="Approve search").press("Enter")
        expect(page.get_by_role("button", name="Withdraw the approval of search")).to_be_focused()
        looks_right(page)
        page.get_by_label("Operation").select_option("Call a tool")
        page.locator("[name=arg_name]").fill("describe")
        page.locator("[name=arg_arguments]").fill(json.dumps({"text": "Finds people. " + "And more. " * 100}))
        page.get_by_role("button", name="Send test").click()
        expect(page.locator("#result")).to_contain_text("Succeeded")
        list_tools(page)
        expect(page.get_by_text("1 tool changed since it was approved")).to_be_visible()
        page.locator("details summary").nth(1).press("Enter")
        page.set_viewport_size({"width": 390, "height": 844})
        looks_right(page)
