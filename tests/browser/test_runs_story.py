"""Runs as an owner uses them: from a test to its run, filters and the back button, the way out of a code."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.common.environments import Environment
from integrations.models import Run
from tests.factories import RunFactory, RunSecretFactory
from tests.support.things import make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOTE_VIOLATIONS = """() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective));
}"""


def test_from_a_test_to_its_run_and_from_a_failure_to_what_mends_it(sign_in, owner, site, received):
    _, upstream = received
    secret = store_secret(owner, environments=[Environment.STAGING])
    action = make_action(owner, base_url=upstream)
    failed = RunFactory(
        organization=owner.organization, integration_id=action.id, integration_name=action.name,
        outcome="upstream_error", status=401,
    )  # fmt: skip
    RunSecretFactory(run=failed, secret_id=secret.id)
    page = sign_in(owner, opens="")
    page.clock.install()

    page.goto(f"{site}/o/harbor-clinics/integrations/{action.id}/")
    page.get_by_role("button", name="Send test").click()
    page.get_by_role("link", name="Open this run").click()
    expect(page.get_by_text("crm.apiKey, version 1")).to_be_visible()
    expect(page.get_by_text("127.0.0.1 may be called.")).to_be_visible()
    assert problems(page) == []

    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    page.evaluate(NOTE_VIOLATIONS)
    page.evaluate("document.getElementById('new-runs').style.minHeight = '1px'")  # as a resized text area has
    page.get_by_role("radio", name="Upstream error").check(force=True)
    expect(page.get_by_role("link", name="Look up patient")).to_have_count(1)
    assert "outcome=upstream_error" in page.url
    assert page.evaluate("window.violations") == []
    page.go_back()
    expect(page.get_by_role("link", name="Look up patient")).to_have_count(2)

    RunFactory(organization=owner.organization, integration_name="Newest", started_at=timezone.now())
    page.clock.run_for(5_100)
    page.get_by_role("link", name="1 new run, show it").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    assert problems(page) == []

    page.get_by_label("Status", exact=True).select_option("401")
    expect(page.get_by_role("link", name="Newest")).to_be_hidden()
    page.get_by_role("link", name="Look up patient").click()
    page.get_by_role("link", name="Rotate crm.apiKey").click()
    expect(page.get_by_role("heading", name="Rotate")).to_be_visible()


def test_a_run_under_way_is_followed_to_its_end(sign_in, owner, site):
    run = RunFactory(organization=owner.organization, started=True, steps={"admitted": 0.8})
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/runs/{run.pk}/")
    expect(page.get_by_text("Under way").first).to_be_visible()
    ended = {"admitted": 0.8, "opened": 0.4, "sent": 3.1, "answered": 20.5, "masked": 0.9, "recorded": 1.2}
    Run.objects.filter(pk=run.pk).update(outcome="succeeded", status=200, duration_ms=26, steps=ended)
    expect(page.get_by_text("Succeeded")).to_be_visible()
    expect(page.get_by_text("20.5 ms")).to_be_visible()
