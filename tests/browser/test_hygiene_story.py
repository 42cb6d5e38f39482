"""The hygiene page as a person uses it: look, filter, compare, follow a fix."""

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from accounts.common.environments import Environment
from tests.support.things import make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def clean(page):
    assert problems(page) == []
    assert "canary" not in page.content()


def test_look_filter_compare_and_follow_a_fix(sign_in, owner, site):
    cache.clear()
    store_secret(owner, "live.open", "canary-shared-1f2e", [Environment.PRODUCTION])
    store_secret(owner, "test.open", "canary-shared-1f2e", [Environment.STAGING])
    store_secret(owner, "pin", "1234", [Environment.STAGING], allow_short=True)
    make_action(owner, uses="billing.token")
    page = sign_in(owner)
    page.get_by_role("link", name="Hygiene").click()
    expect(page.get_by_role("link", name="Create it billing.token")).to_be_visible()
    clean(page)

    page.get_by_role("button", name="Compare values").click()
    expect(page.get_by_text("3 values compared just now.")).to_be_visible()
    expect(page.get_by_text("A leak of a test system is a leak of the live key.")).to_be_visible()
    clean(page)
    again = page.context.new_page()  # its 429 is meant, so its console is not judged
    again.goto(page.url)
    again.get_by_role("button", name="Compare values").click()
    expect(again.get_by_text("Too many at once. Try again in a moment")).to_be_visible()

    page.get_by_label("Finding", exact=True).select_option("no-domains")
    expect(page).to_have_url(f"{site}/o/harbor-clinics/secrets/hygiene/?q=&finding=no-domains")
    expect(page.get_by_role("link", name="Create it billing.token")).to_be_hidden()
    page.reload()
    page.get_by_role("link", name="Add domains live.open").click()
    expect(page.get_by_label("Allowed domains")).to_be_in_viewport()
