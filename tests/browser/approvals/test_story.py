"""A call that waits for a person: an agent asks over MCP; a person sees on a phone what it would send, and decides."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from accounts.common.environments import Environment
from accounts.people import mail_again
from accounts.policy import Scope
from integrations.approvals.deciding import deny
from integrations.models import Integration
from tests.support.api.agents import call, speak
from tests.support.integrations.approvals import Stand
from tests.support.things import VALUE, key_for, make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}
PARAMETERS = {
    "type": "object",
    "properties": {"invoice": {"type": "string"}, "amount": {"type": "number"}},
    "required": ["invoice", "amount"],
}
REFUND = {"invoice": "HC-2041", "amount": 180}
RULE = {
    "decision": "ask",
    "arguments": {"type": "object", "properties": {"amount": {"exclusiveMinimum": 50}}},
}


def asked(key, **arguments):
    """What the agent gets, in a thread without the event loop of the browser's driver."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(speak, key, call("refund_deposit", REFUND | arguments)).result()


def link_in(mail):
    return re.search(r"http://[^/\s]+(/\S+)", mail.body)[1]


def test_a_refund_is_held_seen_on_a_phone_approved_and_made_once(sign_in, owner, site, received, mailoutbox):
    seen, upstream = received
    store_secret(owner)
    body = {"type": "json", "content": '{"amount": "{params.amount}", "notify": true}'}
    parts = {"method": "POST", "path": "/refunds/{params.invoice}", "body": body, "parameters": PARAMETERS}
    make_action(owner, "Refund deposit", base_url=upstream, **parts)
    Integration.objects.update(rules=[RULE])
    key = key_for(owner, Scope.RUN, environments=[Environment.STAGING])
    page = sign_in(owner, opens="")
    page.set_viewport_size(PHONE)

    waits = asked(key, reason_for_approval="Charged twice for the visit of 14 November.")
    assert waits.structured_content["code"] == "approval_needed"
    assert seen == []
    mail_again.send_due()

    page.goto(site + link_in(mailoutbox[-1]))
    request = page.get_by_role("region", name="Request, with secrets hidden")
    expect(request).to_contain_text("••••••••")
    expect(request.locator(".param")).to_have_text(["HC-2041", "180"])
    expect(page.get_by_text("Charged twice for the visit")).to_be_visible()
    assert problems(page) == []
    assert VALUE not in page.content()
    page.get_by_role("button", name="Approve once").click()
    expect(page.get_by_text("Approved once by Mara Lindqvist")).to_be_visible()

    answered = asked(key)
    assert not answered.is_error
    assert VALUE not in str(answered)
    assert "[redacted]" in str(answered)
    assert len(seen) == 1
    assert VALUE in str(seen)
    page.reload()
    expect(page.get_by_role("heading", name="What was sent")).to_be_visible()
    page.get_by_role("link", name="Open the run").click()
    expect(page.get_by_text("Succeeded", exact=True)).to_be_visible()


def test_cards_come_and_go_and_the_one_that_has_the_focus_stays(sign_in, owner, site):
    stand = Stand(owner)
    page = sign_in(owner, opens="")
    page.clock.install()
    page.goto(f"{site}/o/harbor-clinics/approvals/")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    held = stand.held()
    page.clock.run_for(5_100)
    approve = page.get_by_role("button", name="Approve once")
    expect(approve).to_be_visible()
    expect(page.get_by_text("Nothing waits for you")).to_be_hidden()
    expect(page.locator("#held-said")).to_contain_text("waits for you")
    approve.focus()
    deny(actor=owner, approval_id=held.pk)
    with page.expect_response("**/approvals/held/**"):
        page.clock.run_for(5_100)
    expect(approve).to_be_focused()
    expect(page.locator("#nav-waiting")).to_be_hidden()
    approve.blur()
    page.clock.run_for(5_100)
    expect(page.get_by_text("Denied by Mara Lindqvist")).to_be_visible()
    assert problems(page) == []
