"""Cal.com in a browser: checked, an operation chosen, tried; then the copy, and where everything is ready."""

import pytest

from accounts.common.environments import Environment
from integrations.editing.integrations import create_integration
from tests.peers.calcom import KEY, calcom_server
from tests.support.things import store_secret
from tests.support.web.browser_pages import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def calendar(owner):
    store_secret(owner, "calcom.key", KEY)
    with calcom_server() as server:
        yield create_integration(
            actor=owner,
            kind="calcom",
            name="Reception calendar",
            environments=[Environment.STAGING],
            config={"base_url": server.url, "api_key": "{secrets.calcom.key}", "event_type_id": 42},
        )


def test_a_calendar_is_checked_tried_and_copied(sign_in, owner, site, calendar):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/integrations/{calendar.id}/")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("signed in as harbor").wait_for()
    page.get_by_label("Operation").select_option("cancel_booking")
    page.get_by_label("booking_uid").fill("abc")
    page.get_by_role("button", name="Send test").click()
    page.get_by_text('"cancelled"').wait_for()
    assert problems(page) == []
    page.get_by_role("button", name="Duplicate").click()
    page.get_by_role("heading", name="Reception calendar (copy)").wait_for()


def test_what_is_not_ready_is_one_click_from_its_fix(sign_in, owner, site, calendar):
    page = sign_in(owner, opens="")
    page.goto(f"{site}/o/harbor-clinics/integrations/")
    page.get_by_role("link", name="Readiness").click()
    page.get_by_text("Ready", exact=True).wait_for()
    config = {"api_key": "{secrets.other.key}"}
    create_integration(actor=owner, kind="calcom", name="Second", environments=[Environment.STAGING], config=config)
    page.get_by_text("Not ready").click()
    page.get_by_role("link", name="Create it: Second, Staging").click()
    assert page.get_by_label("Name", exact=True).input_value() == "other.key"
