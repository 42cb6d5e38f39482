"""API keys as a person uses them: make one, copy it, use it, revoke it, see it refused."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from accounts.access.key_text import read_key
from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from tests.support.things import key_for, make_action
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def clean(page):
    assert problems(page) == []


def called(site, text):
    """What a program gets that sends this key: the status and the answer."""
    request = Request(f"{site}/api/v1/integrations", headers={"Authorization": f"Bearer {text}"})
    try:
        with urlopen(request) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        return refusal.code, json.load(refusal)


def prepared(page):
    """The empty list, reached by its link."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Agents and keys").click()
    expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()
    return page


def fill_in(page):
    """A key for one of two integrations; first refused."""
    page.get_by_role("link", name="New API key").click()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a name of 1 to 80 characters, on one line")
    clean(page)
    page.get_by_label("Name", exact=True).fill("voice-runtime")
    page.get_by_label("Make calls through integrations").uncheck()
    page.get_by_role("checkbox", name="List integrations").check()
    page.get_by_label("Only chosen ones").check()
    page.get_by_label("Other action").check()
    for search in (lambda find: find.fill("patient"), lambda find: find.press("Enter")):
        with page.expect_response("**/new/integrations/"):
            search(page.get_by_label("Find integrations"))
        expect(page.locator(".htmx-request")).to_have_count(0)
        expect(page.get_by_label("Other action")).to_be_checked()
    assert not ApiKey.objects.exists()
    page.get_by_label("Other action").uncheck()
    page.get_by_label("Look up patient").check()
    clean(page)
    page.get_by_role("button", name="Create key").click()


def copied(page):
    """The key's text, from the clipboard."""
    page.get_by_text("voice-runtime is ready").wait_for()
    clean(page)
    page.get_by_role("button", name="Copy key").click()
    expect(page.locator("#toasts")).to_have_text("Key copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert read_key(text) is not None
    return text


def gone_from_the_browser(page, site, secret):
    """Neither a reload nor anything that the browser keeps has it."""
    page.reload()  # sends the form again, as Chromium does without its question when it is driven
    expect(page.get_by_role("alert")).to_contain_text("This form was already submitted and its key was created.")
    assert secret not in page.content()
    assert ApiKey.objects.count() == 1
    page.goto(f"{site}/o/harbor-clinics/api-keys/")
    expect(page.get_by_text("Look up patient")).to_be_visible()
    assert secret not in page.content()
    assert secret not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    clean(page)


def revoke(page, call):
    """Asked first, and left; then done."""
    page.get_by_role("link", name="Revoke… voice-runtime").click()
    page.get_by_role("heading", name="Revoke voice-runtime?").wait_for()
    clean(page)
    page.keyboard.press("Escape")
    assert call()[0] == 200
    page.get_by_role("link", name="Revoke… voice-runtime").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("Revoked voice-runtime")).to_be_visible()
    expect(page.locator("td").get_by_text("Revoked", exact=True)).to_be_visible()
    clean(page)


def test_make_copy_use_revoke_refused(sign_in, owner, site):
    make_action(owner, "Look up patient", uses="", environments=list(Environment))
    make_action(owner, "Other action", uses="", environments=list(Environment))
    page = prepared(sign_in(owner))
    clean(page)
    fill_in(page)
    text = copied(page)
    status, answer = called(site, text)
    assert (status, [item["name"] for item in answer["items"]]) == (200, ["Look up patient"])
    gone_from_the_browser(page, site, text[15:])
    revoke(page, lambda: called(site, text))
    assert (called(site, text)[0], called(site, text)[1]["code"]) == (401, "unauthenticated")


def test_a_late_answer_brings_no_old_tick_back(sign_in, owner, site):
    make_action(owner, "Look up patient", uses="")
    page = sign_in(owner, opens="").context.new_page()  # its aborted request is meant, so its console is not judged
    page.goto(f"{site}/o/harbor-clinics/api-keys/new/")
    page.get_by_label("Only chosen ones").check()
    patient = page.get_by_label("Look up patient")
    patient.check()
    under_way = []
    page.route("**/new/integrations/", lambda route: under_way.append(route))  # noqa: PLW0108 - a bound builtin is not taken
    with page.expect_event("requestfailed"):
        with page.expect_request("**/new/integrations/"):
            page.get_by_label("Find integrations").fill("patient")
        patient.uncheck()
    assert len(under_way) == 1
    expect(patient).not_to_be_checked()


def test_stop_all_agents_and_start_them_again(sign_in, owner, site):
    """From the palette, with a reason; then a banner on every page, and every key is told."""
    text = key_for(owner, Scope.INTEGRATIONS_READ)
    page = sign_in(owner)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Find").fill("stop all")
    page.get_by_role("option", name="Stop all agents").click()
    page.get_by_label("Why").fill("Refunds went wrong")
    clean(page)
    assert called(site, text)[0] == 200
    page.get_by_role("button", name="Stop all agents").click()
    banner = page.get_by_role("status").filter(has_text="All agents are stopped")
    expect(banner).to_contain_text("“Refunds went wrong”")
    clean(page)
    status, answer = called(site, text)
    assert (status, answer["code"], answer["reason"]) == (403, "agents_stopped", "Refunds went wrong")
    page.get_by_role("link", name="Secrets").click()
    expect(banner).to_be_visible()
    clean(page)
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_text("All agents may call again")).to_be_visible()
    expect(banner).not_to_be_visible()
    assert called(site, text)[0] == 200
