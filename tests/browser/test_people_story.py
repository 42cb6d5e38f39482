"""A colleague is invited, makes an account, gets another role and leaves; and an organization is deleted."""

import pytest
from playwright.sync_api import expect

from accounts.models import Membership, Organization, User
from tests.support.invited import token_in
from tests.support.web.browser_pages import PASSWORD, problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_colleague_is_invited_joins_gets_another_role_and_leaves(sign_in, browser, owner, site, mailoutbox):
    page = sign_in(owner)
    page.get_by_role("link", name="Members").click()
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("E-mail addresses").fill("noor@harbor.example")
    page.get_by_role("radio", name="Member", exact=False).first.check()
    assert problems(page) == []
    page.get_by_role("button", name="Send invitations").click()
    expect(page.get_by_text("Invited noor@harbor.example")).to_be_visible()

    theirs = browser.new_context().new_page()
    theirs.goto(f"{site}/invitations/{token_in(mailoutbox[-1].body)}/")
    theirs.get_by_label("Name").fill("Noor Haddad")
    theirs.get_by_label("Password").fill(PASSWORD)
    theirs.get_by_role("button", name="Create an account and accept").click()
    expect(theirs.get_by_role("heading", name="Secrets", exact=True)).to_be_visible()
    assert theirs.get_by_role("link", name="Members").count() == 0

    page.reload()
    expect(page.get_by_text("Open invitations")).to_have_count(0)
    page.get_by_role("link", name="Role… of Noor Haddad").click()
    page.get_by_role("radio", name="Admin", exact=False).check()
    page.get_by_role("button", name="Change role").click()
    expect(page.get_by_text("Noor Haddad is now an admin")).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_role("link", name="Members")).to_be_visible()

    theirs.get_by_role("button", name="Noor Haddad").click()
    theirs.get_by_role("link", name="Leave Harbor Clinics…").click()
    expect(theirs.get_by_role("link", name="Stay")).to_be_focused()
    theirs.get_by_role("button", name="Leave", exact=True).click()
    expect(theirs.get_by_role("heading", name="New organization")).to_be_visible()
    assert not User.objects.get(email="noor@harbor.example").memberships.exists()
    theirs.context.close()


def test_an_organization_is_renamed_and_deleted_by_its_name(sign_in, owner, site):
    page = sign_in(owner)
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Name", exact=True).fill("Harbor Health")
    page.get_by_role("radio", name="For Production values").check()
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Saved the settings")).to_be_visible()
    page.get_by_role("link", name="Delete Harbor Health…").click()
    delete = page.get_by_role("button", name="Delete organization")
    expect(delete).to_be_disabled()
    page.get_by_label("Type the name to confirm").fill("Harbor Health")
    delete.click()
    expect(page.get_by_text("Deleted Harbor Health")).to_be_visible()
    assert not Organization.objects.exists()
    assert not Membership.objects.exists()
