"""A real Chromium against the served product. Any console error, page error or policy violation fails the test."""

import os
import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from accounts.models import User
from config.demo import upstream

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
PASSWORD = "correct horse battery staple"
ONLY = {"resultTypes": ["violations"]}  # to describe what is in order as well takes axe three times as long
RULES = ONLY | {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
RULES_OF_COLORS = ONLY | {"runOnly": ["color-contrast", "link-in-text-block"]}


@pytest.fixture(scope="session", autouse=True)
def database_beside_the_driver() -> None:
    """The driver runs an event loop in this thread, in which Django would refuse the tests' own queries."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict:
    """Debian's Chromium, kept from calling home."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    return {"executable_path": found, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args) -> dict:
    """Without motion, so that a picture is a picture."""
    return {**browser_context_args, "reduced_motion": "reduce", "viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page that must not complain. That a form was refused (422) is an answer, which Chromium logs as an error."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert [complaint for complaint in complaints if "status of 422" not in complaint] == []


@pytest.fixture
def site(live_server) -> str:
    """The product's address; `localhost`, as in the policy of cookies."""
    return live_server.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def received() -> Iterator[tuple[list[dict], str]]:
    """A real server on loopback: what it was sent, and its address."""
    seen: list[dict] = []
    with upstream.serving(0, seen.append) as port:
        yield seen, f"http://127.0.0.1:{port}"


@pytest.fixture
def sign_in(page, site):
    """Signs a person of the organization in, through the form."""

    def signed_in(actor) -> Page:
        user = User.objects.get(pk=actor.id)
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        page.goto(f"{site}/signin/")
        page.get_by_label("E-mail").fill(user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("heading", name="Secrets", exact=True).wait_for()
        return page

    return signed_in


AT_REST = """() => {
  const moving = () => document.getAnimations().filter((one) => one instanceof CSSTransition);
  for (let left = 50, found; left && (found = moving()).length; left--) found.forEach((one) => one.finish());
}"""
"""Changed colours go through a transition, in each element after the one around it."""


def violations(page: Page, options: dict = RULES) -> list[str]:
    """What axe finds on the page as it is now, its transitions at their end. The policy is lifted for axe alone."""
    page.evaluate(AT_REST)
    session = page.context.new_cdp_session(page)
    session.send("Page.setBypassCSP", {"enabled": True})
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    session.send("Page.setBypassCSP", {"enabled": False})  # detaching it would end virtual authenticators
    return [f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def add_authenticator(page: Page) -> None:
    """A device for passkeys, of which somebody's finger is always on the sensor."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def add_passkey(page: Page, site: str) -> None:
    """Through the page, which takes a recent proof."""
    page.goto(f"{site}/account/passkeys/new/")
    page.get_by_label("Name").fill("MacBook")
    page.get_by_role("button", name="Add the passkey").click()
    next_pages = [page.get_by_role("heading", name=name, exact=True) for name in ("Recovery codes", "Your account")]
    next_pages[0].or_(next_pages[1]).wait_for()
