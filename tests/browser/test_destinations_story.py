"""Where a secret may go: hosts that are proposed, the question of a new organization, a proof in another tab."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from accounts.access import route_permissions
from accounts.models import Organization
from integrations.models import Integration
from secrets_app.models import Secret
from tests.support.things import store_secret
from tests.support.web.browser_pages import PASSWORD, problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_hosts_are_proposed_one_click_away_and_the_question_loses_nothing(sign_in, owner, site):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/secrets/new/")
    page.get_by_label("Name", exact=True).fill("stripe.key")
    expect(page.get_by_role("button", name="Allow api.stripe.com")).to_be_visible()
    page.get_by_text("One value for all environments").click()
    page.locator("[name=value_all]").fill("sk-ant-api03-canary-0815")
    expect(page.get_by_text("The value looks like one of Anthropic")).to_be_visible()
    assert problems(page) == []
    page.get_by_role("button", name="Yes, for every value").click()
    expect(page.get_by_text("From now on every value needs allowed domains.")).to_be_visible()
    page.get_by_role("button", name="Allow api.anthropic.com").click()
    page.get_by_role("button", name="Save secret").click()
    expect(page.get_by_role("link", name="stripe.key")).to_be_visible()
    assert Secret.objects.get().allowed_domains == ["api.anthropic.com"]
    assert Organization.objects.get().every_value_needs_domains


def test_form_waits_for_a_proof_in_another_tab(sign_in, owner, site, monkeypatch):
    store_secret(owner)
    page = sign_in(owner, opens="")
    with monkeypatch.context() as long_ago:
        long_ago.setattr(route_permissions, "ACCEPT_FOR", timedelta(seconds=-1))
        page.goto(f"{site}/o/harbor-clinics/integrations/new/mcp_server/")
        page.get_by_label("Name", exact=True).first.fill("CRM tools")
        page.get_by_label("URL").first.fill("https://mcp.example.com/mcp")
        page.get_by_role("button", name="Add").first.click()
        page.locator("[name=headers_name]").last.fill("X-Api-Key")
        page.locator("[name=headers_value]").last.fill("{secrets.crm.apiKey}")
        page.locator("[name=environments][value=staging]").check(force=True)
        page.get_by_role("button", name="Save").first.click()
        expect(page.get_by_text("crm.apiKey to mcp.example.com")).to_be_visible()
        assert problems(page) == []
        assert not Integration.objects.exists()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Confirm in a new tab").click()
    proof = opened.value
    proof.get_by_label("Password").fill(PASSWORD)
    proof.get_by_role("button", name="Confirm").click()
    expect(proof.get_by_text("Go back to the tab with your form")).to_be_visible()
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("heading", name="CRM tools").first).to_be_visible()
    assert Integration.objects.get().name == "CRM tools"
