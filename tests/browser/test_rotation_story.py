"""A rotation as a person does it: stage, watch the checks, promote what did not pass everywhere, roll back, finish."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.common.environments import Environment
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import SecretValue
from secrets_app.sealing import keyring
from tests.peers.upstreams import answering, http
from tests.support.things import VALUE, make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = "canary-new-staging-77d1e3"


@pytest.fixture
def provider():
    """Takes the new key at /good and refuses every key at /bad; waits for `go` before it answers."""
    go, seen = threading.Event(), []

    def respond(request, sending):
        seen.append(request.split(b" ", 2)[1].decode())
        go.wait(timeout=20)
        ok = request.startswith(b"GET /good") and f"Bearer {NEW}".encode() in request
        sending.sendall(http(b'{"answer": "of the provider"}', status="200 OK" if ok else "401 Unauthorized"))

    with answering(respond) as url:
        yield url, go, seen


@pytest.fixture
def secret(owner, provider):
    secret = store_secret(owner)
    for name, check in (("Good", {"check": {"method": "GET", "path": "/good"}}), ("No check", {})):
        make_action(owner, name, base_url=provider[0], **check)
    make_action(owner, "Bad", base_url=provider[0], check={"method": "GET", "path": "/bad"})
    return secret


def kept():
    rows = SecretValue.objects.filter(environment="staging", sealed__isnull=False)
    return {row.state: keyring.unseal(row).expose() for row in rows.select_related("secret", "data_key")}


def looks_right(page):
    assert problems(page) == []
    assert NEW not in page.content()


def stage(page, site):
    page.goto(f"{site}/o/harbor-clinics/secrets/")
    page.get_by_role("button", name="More for crm.apiKey").click()
    page.get_by_role("link", name="Rotate value").click()
    page.get_by_role("radio", name="Staging").check(force=True)
    page.get_by_role("textbox", name="New value").fill(NEW)
    looks_right(page)
    page.get_by_role("button", name="Stage and verify").click()


def row(page, name):
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_from_staging_to_roll_back(sign_in, owner, site, secret, provider):
    _, go, seen = provider
    page = sign_in(owner, opens="")

    stage(page, site)
    expect(page.get_by_text("1 of 3 checked")).to_be_visible()  # progress: two wait for the provider
    expect(row(page, "No check").get_by_text("Not checkable")).to_be_visible()
    expect(page.get_by_role("progressbar", name="References checked")).to_be_visible()
    looks_right(page)
    go.set()
    expect(row(page, "Good").get_by_text("Passed")).to_be_visible()
    expect(row(page, "Bad").get_by_text("Failed")).to_be_visible()
    expect(row(page, "Bad").get_by_text("The upstream answered 401.")).to_be_visible()
    expect(page.get_by_text("1 of 3 references accepts the new value")).to_be_visible()
    assert sorted(seen) == ["/bad", "/good"]
    looks_right(page)
    row(page, "Bad").get_by_role("button").click()
    expect(page.get_by_role("button", name="Check again Bad, Header · Authorization")).to_be_enabled()
    assert kept() == {"current": VALUE, "staged": NEW}

    page.get_by_role("link", name="Promote…").click()
    dialog = page.get_by_role("dialog", name="Promote the new Staging value?")
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    expect(dialog.get_by_text("Failed: The upstream answered 401.")).to_be_visible()
    looks_right(page)
    dialog.get_by_label("Promote it even though it did not pass everywhere").check()
    dialog.get_by_role("button", name="Promote", exact=True).click()

    expect(page.get_by_role("heading", name="The new Staging value is live")).to_be_visible()
    looks_right(page)
    assert kept() == {"current": NEW, "previous": VALUE}
    page.get_by_role("button", name="Roll back…").click()
    question = page.get_by_role("dialog", name="Go back to the previous Staging value?")
    expect(question.get_by_role("button", name="Keep the new value")).to_be_focused()
    looks_right(page)
    question.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_text("Calls in Staging use the previous value again")).to_be_visible()
    looks_right(page)
    assert kept() == {"current": VALUE}


def test_confirmation_cannot_be_skipped_and_closes_with_escape(sign_in, owner, site, secret, provider):
    provider[1].set()
    page = sign_in(owner, opens="")
    stage(page, site)
    expect(page.get_by_text("1 of 3 references accepts the new value")).to_be_visible()
    page.get_by_role("link", name="Promote…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Promote", exact=True).click()
    expect(dialog).to_be_visible()  # the tick is required
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert kept() == {"current": VALUE, "staged": NEW}
    page.get_by_role("button", name="Discard new value").click()
    expect(page.get_by_text("Discarded the new Staging value")).to_be_visible()
    assert kept() == {"current": VALUE}


def test_finish_now_ends_the_window(sign_in, owner, site, secret, provider):
    provider[1].set()
    page = sign_in(owner, opens="")
    stage(page, site)
    expect(page.get_by_text("1 of 3 references accepts the new value")).to_be_visible()
    page.get_by_role("link", name="Promote…").click()
    page.get_by_label("Promote it even though it did not pass everywhere").check()
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    page.get_by_role("button", name="Finish now…").click()
    page.get_by_role("dialog", name="Destroy the previous Staging value now?").get_by_role(
        "button", name="Destroy it"
    ).click()
    expect(page.get_by_text("Destroyed the previous Staging value")).to_be_visible()
    assert kept() == {"current": NEW}


def test_overdue_secret_is_marked_until_it_is_rotated(sign_in, owner, site):
    secret = store_secret(owner, environments=[Environment.STAGING])
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/secrets/{secret.id}/edit/")
    page.get_by_label("Rotate every … days").fill("30")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("link", name="crm.apiKey")).to_be_visible()
    expect(page.get_by_text("Rotation overdue")).to_have_count(0)
    SecretValue.objects.update(created_at=timezone.now() - timedelta(days=31))
    page.goto(f"{site}/o/harbor-clinics/secrets/")
    expect(page.get_by_role("link", name="Rotation overdue", exact=False)).to_be_visible()
    looks_right(page)
    page.get_by_role("link", name="Rotation overdue", exact=False).click()
    expect(page.get_by_role("heading", name="Rotate crm.apiKey")).to_be_visible()
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(stop_rotation=True))
    page.goto(f"{site}/o/harbor-clinics/secrets/")
    expect(page.get_by_role("link", name="Rotation overdue", exact=False)).to_have_count(0)
