"""The overview as a person uses it: the first steps, figures and charts, what fails, disabling and undoing."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import Integration, Run
from tests.factories import IntegrationStateFactory, RunFactory, RunSecretFactory
from tests.support.things import key_for, make_action, store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def call(owner, action, secret, hours_ago, **fields):
    started_at = timezone.now() - timedelta(hours=hours_ago)
    run = RunFactory(
        organization=owner.organization,
        integration_id=action.pk,
        integration_name=action.name,
        started_at=started_at,
        **fields,
    )
    RunSecretFactory(run=run, secret_id=secret.pk, name=secret.name, started_at=started_at)
    return run


def test_from_the_first_steps_to_the_overview_to_a_disabled_secret_and_back(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.clock.install()
    page.goto(f"{site}/o/harbor-clinics/overview/")
    expect(page.get_by_role("heading", name="Five steps to the first call")).to_be_visible()
    assert problems(page) == []
    secret = store_secret(owner)
    page.clock.run_for(5_100)
    expect(page.get_by_role("heading", name="1 of 5 done")).to_be_visible()  # it ticks itself
    action = make_action(owner)
    key_for(owner)
    key = owner.organization.api_keys.get().pk
    agent = {"caller_kind": "api_key", "caller_id": key, "principal_id": key}
    for hours in range(1, 9):
        call(owner, action, secret, hours, duration_ms=90 * hours, **agent)
    run = call(owner, action, secret, 0.1, outcome="upstream_error", status=401, **agent)
    IntegrationStateFactory(
        integration=action, organization=owner.organization, failing=True, status=401, run_id=run.pk
    )
    page.clock.run_for(5_100)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_role("link", name="Rotate crm.apiKey")).to_be_visible()
    assert problems(page) == []

    page.get_by_role("link", name="7 d").click()
    expect(page).to_have_url(f"{site}/o/harbor-clinics/overview/?period=7d")
    page.get_by_label("Environment", exact=True).select_option("production")
    expect(page.locator(".kpi .big").first).to_have_text("0")
    page.go_back()
    expect(page.locator(".kpi .big").first).to_have_text("9")
    page.get_by_text("Show the figures as a table").click()
    expect(page.get_by_role("region", name="Figures")).to_be_visible()

    page.get_by_role("link", name="Secrets", exact=True).click()
    page.get_by_role("button", name="More for crm.apiKey").click()
    page.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog", name="Disable crm.apiKey?")
    expect(dialog).to_contain_text("1 integration stops at once")
    assert problems(page) == []
    dialog.get_by_role("button", name="Disable and stop 1 integration").click()
    expect(page.get_by_role("row", name="crm.apiKey")).to_contain_text("Disabled")
    page.clock.fast_forward(4_500)  # longer than other toasts stay
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row", name="crm.apiKey")).to_contain_text("Active")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    assert (Integration.objects.get().enabled, Run.objects.count()) == (True, 9)
