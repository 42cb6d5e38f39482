"""A real Chromium against the served product. Any console error, page error or policy violation fails the test."""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User
from config.demo import upstream
from tests.run import BROWSERS
from tests.support import sign_in as sessions
from tests.support.web.browser_pages import PASSWORD, add_session

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
ANSWERS = re.compile(r"status of (403|422)\b|htmx:(afterRequest|sendAbort), ")
expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong


@pytest.fixture(scope="session", autouse=True)
def database_beside_the_driver() -> None:
    """The driver runs an event loop in this thread, in which Django would refuse the tests' own queries."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict:
    """Debian's Chromium, kept from calling home."""
    found = next(filter(None, map(shutil.which, BROWSERS)))
    return {"executable_path": found, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args) -> dict:
    """Without motion, so that a picture is a picture."""
    return {**browser_context_args, "reduced_motion": "reduce", "viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page that must not complain. That a form was refused (422) or waits for a proof (403) is an answer, which
    Chromium logs as an error; and that somebody cancelled a request, which htmx does.
    """
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert [complaint for complaint in complaints if not ANSWERS.search(complaint)] == []


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
    """Gives a person of the organization a session, and opens the list of secrets or another page, or none."""

    def signed_in(actor, opens: str = "secrets/") -> Page:
        user = User.objects.get(pk=actor.id)
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        add_session(page, site, sessions.sign_in(Client(), user))
        if opens:
            page.goto(f"{site}/o/{actor.organization.slug}/{opens}")
        return page

    return signed_in
