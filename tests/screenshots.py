"""Takes the pictures of the README from the demo, with Debian's Chromium: `make screenshots`.

usage: python -m tests.screenshots

The demo is loaded into a database of its own, which is gone afterwards; pictures go to `docs/pictures/`.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command
from playwright.sync_api import Page, expect, sync_playwright

from tests import environment  # noqa: F401 - sets the variables that the settings read
from tests.benchmarks.processes import free_port, serving
from tests.run import BROWSERS

PICTURES = Path(__file__).resolve().parents[1] / "docs/pictures"
LARGEST = 150 * 1024
"""Bytes of a picture: it is loaded with the README."""
OWNER = "mara@harbor.example"
WIDTH = 1280


def main() -> None:
    """Take every picture anew."""
    with tempfile.TemporaryDirectory() as folder, served_demo(Path(folder)) as site, opened_browser() as page:
        sign_in(page, site, json.loads((Path(folder) / "sign-in.json").read_text())[OWNER])
        for name, (height, show) in SHOWN.items():
            page.set_viewport_size({"width": WIDTH, "height": height})
            show(page)
            take(page, PICTURES / f"{name}.png")


@contextmanager
def served_demo(folder: Path) -> Iterator[str]:
    """The product with the demo in a new database, until the block ends; its address."""
    port = free_port()
    site = f"http://localhost:{port}"
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'coffer.sqlite3'}",
        "COFFER_SITE_URL": site,
        "COFFER_DEBUG": "on",
    }
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.support.demo import loaded_demo

    server = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning"]
    with loaded_demo(folder), serving(server, port):
        yield site


@contextmanager
def opened_browser() -> Iterator[Page]:
    """A page in the light theme, without motion."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.exit("Chromium is needed for the pictures: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        try:
            yield browser.new_page(color_scheme="light", reduced_motion="reduce")
        finally:
            browser.close()


def sign_in(page: Page, site: str, password: str) -> None:
    """As the demo's owner; the inventory is the first page."""
    page.goto(f"{site}/signin/")
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Continue").click()
    page.goto(f"{site}/o/harbor-clinics/secrets/")
    page.get_by_role("heading", name="Secrets", exact=True).wait_for()


def show_inventory(page: Page) -> None:
    """The list of secrets, where the sign-in led."""


def show_test(page: Page) -> None:
    """An action after *Send test* in Staging: the call, and the answer with the value masked."""
    page.get_by_role("link", name="Integrations", exact=True).first.click()
    page.get_by_role("link", name="Send test event", exact=True).first.click()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("200 OK")).to_be_visible()
    page.get_by_role("heading", name="Request", exact=True).first.evaluate("element => element.scrollIntoView()")


def take(page: Page, picture: Path) -> None:
    """Write the picture of the window. Raises SystemExit where it is too large."""
    page.evaluate("document.fonts.ready")
    picture.parent.mkdir(parents=True, exist_ok=True)
    size = len(page.screenshot(path=picture))
    if size > LARGEST:
        sys.exit(f"{picture.name} has {size // 1024} KiB; {LARGEST // 1024} KiB are the limit. Show less.")


SHOWN: dict[str, tuple[int, Callable[[Page], None]]] = {
    "inventory": (717, show_inventory),
    "send-test": (800, show_test),
}
"""Each picture: how high its window is, and how to get there from the one before."""


if __name__ == "__main__":
    main()
