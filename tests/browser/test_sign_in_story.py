"""The whole of signing in, as a person does it: sign-up, app, recovery code, passkey, lock-out, the end of sessions."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import expect

from accounts.models import User
from config.sessions import RowKey, SessionStore
from config.single_sign_on import providers
from tests.peers.oidc import CLIENT_ID, CLIENT_SECRET, serving
from tests.support.sign_in import totp_code
from tests.support.web.browser_pages import PASSWORD, add_authenticator, add_passkey, problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EMAIL = "mara@harbor.example"


def clean(page):
    assert problems(page) == []


def at(page, heading):
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def sign_up(page, site):
    page.goto(f"{site}/signin/")
    page.get_by_role("link", name="Create one").click()
    page.get_by_label("Name").fill("Mara Lindqvist")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Create account")
    at(page, "Enter the code")
    clean(page)
    page.get_by_label("Code").fill(re.search(r"^[A-Z0-9-]{6,9}$", mail.outbox[0].body, re.MULTILINE)[0])
    press(page, "Confirm")
    at(page, "New organization")
    page.get_by_label("Name").fill("Harbor Clinics")
    press(page, "Create organization")
    at(page, "Five steps to the first call")


def confirm(page):
    """With the password, which is all there is yet."""
    at(page, "Confirm it is you")
    clean(page)
    page.get_by_label("Password").fill("something else")
    press(page, "Confirm")
    expect(page.get_by_role("alert")).to_contain_text("This is not your password.")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")


def add_app(page, site) -> list[str]:
    """The recovery codes."""
    page.goto(f"{site}/account/")
    expect(page.get_by_text("You have no second factor")).to_be_visible()
    page.get_by_role("link", name="Add an authenticator app").click()
    confirm(page)
    at(page, "Add an authenticator app")
    clean(page)
    page.get_by_text("No camera at hand?").click()
    page.get_by_label("Code").fill(totp_code(page.locator("code.selectable").inner_text()))
    press(page, "Add the app")
    at(page, "Recovery codes")
    clean(page)
    codes = page.locator("#recovery-codes li").all_inner_texts()
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_text("10 left")).to_be_visible()
    return codes


def sign_out(page):
    page.locator("#user-open").click()
    press(page, "Sign out")
    at(page, "Sign in")


def give_password(page, password=PASSWORD, email=EMAIL):
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    press(page, "Continue")


def sign_in_with_recovery_code(page, code):
    give_password(page)
    at(page, "Confirm it is you")
    clean(page)
    page.get_by_label("Code").fill("00000000")
    press(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("Not signed in")
    page.get_by_label("Code").fill(code)
    press(page, "Sign in")
    at(page, "Five steps to the first call")


def sign_in_with_passkey(page):
    press(page, "Use a passkey")
    at(page, "Five steps to the first call")


def prove_with_passkey(page, site, owner_of):
    """After a while, making an API key asks again."""
    session = owner_of(page)
    session["proven_at"] = session["proven_at"] - 360
    session.save()
    page.goto(f"{site}/o/harbor-clinics/api-keys/new/")
    at(page, "Confirm it is you")
    clean(page)
    press(page, "Use a passkey")
    at(page, "New API key")


def lock_out(page):
    for number in range(5):
        give_password(page, f"wrong password {number}")
        expect(page.get_by_role("alert")).to_contain_text("Not signed in")
    give_password(page)
    expect(page.get_by_role("alert")).to_contain_text("Too many")
    clean(page)


@pytest.fixture
def session_of(site):
    """The session of a browser, as it is stored."""

    def found(page):
        cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        return SessionStore(RowKey.of(cookies["session"]))

    return found


def test_from_the_first_sign_up_to_a_lock_out(page, site, session_of):
    cache.clear()
    sign_up(page, site)
    codes = add_app(page, site)
    sign_out(page)
    sign_in_with_recovery_code(page, codes[0])
    add_authenticator(page)
    add_passkey(page, site)
    clean(page)
    sign_out(page)
    sign_in_with_passkey(page)
    prove_with_passkey(page, site, session_of)
    page.goto(f"{site}/")
    sign_out(page)
    lock_out(page)
    assert Authenticator.objects.count() == 3


def test_signing_out_everywhere_else(page, site, sign_in, owner, browser):
    sign_in(owner, opens="").context.clear_cookies()
    there, email = browser.new_page(), User.objects.get(pk=owner.id).email
    for one, next_page in ((there, "/account/"), (page, "/account/sessions/")):
        one.goto(f"{site}/signin/?next={next_page}")
        give_password(one, email=email)
    at(there, "Your account")
    at(page, "Sessions")
    clean(page)
    press(page, "Sign out everywhere else")
    expect(page.get_by_text("Your other sessions have ended")).to_be_visible()
    there.goto(f"{site}/account/")
    at(there, "Sign in")
    there.context.close()


def test_single_sign_on_there_and_back(page, site, settings):
    """The policy lets a form of ours lead to us alone; the page that leads on is no form."""
    person = {"sub": "42", "email": EMAIL, "email_verified": True, "name": "Mara Lindqvist"}
    with serving(person) as provider:
        settings.SOCIALACCOUNT_PROVIDERS = providers(
            issuer=provider.issuer, name="Harbor", client_id=CLIENT_ID, secret=CLIENT_SECRET
        )
        page.goto(f"{site}/signin/")
        clean(page)
        press(page, "Sign in with Harbor")
        at(page, "New organization")
        page.goto(f"{site}/account/app/")
        at(page, "Confirm it is you")
        press(page, "Send a code")
        clean(page)
        page.get_by_label("Code").fill(re.search(r"^\d{6}$", mail.outbox[-1].body, re.MULTILINE)[0])
        press(page, "Confirm")
        at(page, "Add an authenticator app")
