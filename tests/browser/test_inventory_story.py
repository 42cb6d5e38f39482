"""The list of secrets as a person works with it: sort, search, open a row, switch several, create what is missing."""

import re

import pytest
from playwright.sync_api import expect

from accounts.common.environments import Environment
from secrets_app.models import Secret
from tests.support.things import make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/o/harbor-clinics/secrets/"


@pytest.fixture
def many(owner):
    """Enough for two pages, in groups; one name that is referenced and missing."""
    for number in range(34):
        store_secret(owner, f"{('crm', 'sip', 'billing')[number % 3]}.key{number:02}", description="Reception agent")
    make_action(owner, "Look up patient", uses="crm.key00", environments=list(Environment))
    make_action(owner, "Bill patient", uses="ledger.token", environments=[Environment.STAGING])
    return owner


def looks_right(page):
    assert problems(page) == []


def first_name(page):
    return page.locator("a.name").first.inner_text()


def test_sort_search_and_page_stay_in_the_address(sign_in, many, site):
    page = sign_in(many, opens="")
    page.goto(site + LIST)
    assert first_name(page) == "billing.key02"
    looks_right(page)
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Name")
    assert first_name(page) == "sip.key31"
    page.get_by_role("searchbox").fill("key1")
    expect(page.locator("a.name")).to_have_count(10)
    assert re.search(r"\?q=key1.*sort=-name", page.url)
    assert first_name(page) == "sip.key19"
    page.get_by_role("link", name="Usage count").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Usage count")
    page.get_by_role("searchbox").fill("")
    expect(page.locator("a.name")).to_have_count(29)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("a.name")).to_have_count(5)
    looks_right(page)
    page.reload()
    expect(page.locator("a.name")).to_have_count(5)
    page.go_back()
    expect(page.locator("a.name")).to_have_count(29)


def test_several_are_switched_by_keyboard_and_the_list_stays(sign_in, many, site):
    page = sign_in(many, opens="")
    page.goto(site + LIST)
    page.get_by_role("searchbox").fill("billing")
    expect(page.locator("a.name")).to_have_count(11)
    for name in ("billing.key02", "billing.key05"):
        page.get_by_label(f"Choose {name}").focus()
        page.keyboard.press("Space")
    expect(page.locator("#bulk-n")).to_have_text("2")
    looks_right(page)
    page.get_by_role("button", name="Disable", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Disabled billing.key02, billing.key05")).to_be_visible()
    assert "q=billing" in page.url
    assert Secret.objects.filter(enabled=False).count() == 2
    expect(page.locator("#count-disabled")).to_have_text("2")
    page.get_by_label("Choose all secrets of this page").check()
    expect(page.locator("#bulk-n")).to_have_text("11")
    page.get_by_role("button", name="Enable", exact=True).click()
    expect(page.get_by_text("Enabled billing.key02, billing.key05")).to_be_visible()
    assert not Secret.objects.filter(enabled=False).exists()


def test_switching_one_row_brings_the_numbers_up_to_date(sign_in, many, site):
    page = sign_in(many, opens="")
    page.goto(site + LIST)
    page.get_by_role("button", name="More for billing.key02").click()
    page.get_by_role("button", name="Disable", exact=True).last.click()
    expect(page.locator("#count-disabled")).to_have_text("1")
    expect(page.locator("#count-active")).to_have_text("33")


def test_row_opens_and_missing_name_leads_to_its_creation(sign_in, many, site):
    page = sign_in(many, opens="")
    page.goto(site + LIST)
    page.get_by_role("button", name="Details of ledger.token").click()
    expect(page.get_by_role("link", name="Bill patient")).to_be_visible()
    page.get_by_role("searchbox").fill("crm.key0")
    expect(page.locator("a.name")).to_have_count(4)
    page.get_by_role("button", name="Details of crm.key00").click()
    expect(page.get_by_role("link", name="Look up patient")).to_be_visible()
    page.get_by_role("button", name="Details of crm.key03").click()
    expect(page.get_by_text("No active references yet")).to_be_visible()
    looks_right(page)
    page.goto(site + LIST)
    page.get_by_role("link", name="Create it").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("ledger.token")


def test_on_a_phone(sign_in, many, site):
    page = sign_in(many, opens="")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site + LIST)
    looks_right(page)
    page.get_by_role("searchbox").fill("billing.key02")
    expect(page.locator("a.name")).to_have_count(1)
    page.get_by_label("Choose billing.key02").check()
    expect(page.locator("#bulk-n")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Open menu").click()
    page.get_by_role("link", name="Agents and keys").click()
    expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()


def test_member_sees_names_and_no_way_to_change_them(sign_in, many, member, site):
    page = sign_in(member, opens="")
    page.goto(site + LIST)
    expect(page.get_by_text("crm.key00", exact=True)).to_be_visible()
    assert page.locator("[name=pick], .bulk, main form[method=post]").count() == 0
    looks_right(page)
