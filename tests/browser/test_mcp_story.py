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
    page.get_by_role("button", name="List tools", exact=False).click()
    expect(page.locator("#tools")).to_contain_text("5 tools")


def test_tools_are_approved_and_a_change_is_seen(sign_in, owner, site):
    store_secret(owner)
    with mcp.modern(VALUE) as url:
        page = sign_in(owner, opens="")
        write_server(page, site, url)
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.locator("#steps")).to_contain_text("The server offers 5 tools.")
        page.get_by_role("navigation", name="Parts of this server").get_by_role("link", name="Tools").click()
        list_tools(page)
        page.get_by_role("button", name="Approve search").press("Enter")
        expect(page.get_by_role("button", name="Withdraw the approval of search")).to_be_focused()
        expect(page.locator("#tool-approvals")).to_contain_text("approved 1 tool")
        page.get_by_role("button", name="Approve describe").click()
        expect(page.locator("#tools-waiting")).to_contain_text("3")
        looks_right(page)
        page.get_by_role("link", name="Connection").click()
        page.get_by_label("Operation").select_option("Call a tool")
        page.locator("[name=arg_name]").fill("ask")
        page.get_by_role("button", name="Send test").click()
        expect(page.locator("#result")).to_contain_text("tool_not_approved")
        page.locator("[name=arg_name]").fill("describe")
        page.locator("[name=arg_arguments]").fill(json.dumps({"text": "Finds people. " + "And more. " * 100}))
        page.get_by_role("button", name="Send test").click()
        expect(page.locator("#result")).to_contain_text("Succeeded")
        page.get_by_role("navigation", name="Parts of this server").get_by_role("link", name="Tools").click()
        list_tools(page)
        expect(page.get_by_text("1 tool changed since it was approved")).to_be_visible()
        expect(page.locator("ins").first).to_be_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        looks_right(page)
        page.get_by_role("searchbox").fill("whoami")
        expect(page.locator("#tool-list li")).to_have_count(1)
        page.get_by_label("Agents see only approved tools").uncheck()
        expect(page.locator("#toasts")).to_contain_text("all tools of the server")
        expect(page.locator("#tool-list li")).to_have_count(1)
        page.reload()
        expect(page.get_by_label("Agents see only approved tools")).not_to_be_checked()
