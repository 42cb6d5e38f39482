"""What browser tests do with a page, and what they assert about it."""

from collections.abc import Iterator

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

PASSWORD = "correct horse battery staple"
MORE_RULES = ("label-content-name-mismatch", "scrollable-region-focusable")
"""Rules that axe leaves out by default, or judges by tags that are not among ours."""
ONLY = {"resultTypes": ["violations"]}  # to describe what is in order as well takes axe three times as long
RULES = ONLY | {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {rule: {"enabled": True} for rule in MORE_RULES},
}
RULES_OF_COLORS = ONLY | {"runOnly": ["color-contrast", "link-in-text-block"]}
RULES_OF_LAYOUT = RULES | {"rules": RULES["rules"] | {"color-contrast": {"enabled": False}}}

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS = {
    "phone": ("light", NARROW, RULES_OF_LAYOUT),
    "light": ("light", WIDE, RULES),
    "dark": ("dark", WIDE, RULES_OF_COLORS),
}
"""Colours, window, and the rules that a page is judged by in each look; from each to the next one thing changes.

In the dark a page has the same elements, and on a phone the same colours.
"""

FRAME = """() => {
  const frame = document.body.cloneNode(true);
  frame.querySelectorAll("main, script").forEach((one) => one.replaceChildren());
  frame.querySelectorAll("input[type=hidden]").forEach((one) => one.remove());
  frame.querySelectorAll("[href]").forEach((one) => one.setAttribute("href", ""));
  const open = [...document.querySelectorAll(":popover-open, :modal")].map((one) => one.id);
  return frame.outerHTML + open;
}"""
"""What stands around the content of the page, and what of it is open."""

FRAMES: set[tuple[str, str]] = set()
"""Frames whose colours have been judged, by look. Many pages have the same around their content."""

JUDGED = """async ([rules, texts]) => {
  const moving = () => document.getAnimations().filter((one) => one instanceof CSSTransition);
  for (let left = 50, found; left && (found = moving()).length; left--) found.forEach((one) => one.finish());
  axe.configure({ rules: [{ id: "color-contrast", selector: texts }] });
  const { violations } = await axe.run(rules);
  const excess = document.documentElement.scrollWidth - innerWidth;
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
  return excess > 0 ? [...found, `${excess} px too wide`] : found;
}"""
"""Violations of axe's rules and sideways scroll on the page as it is now. Changed colours go through a transition, in
each element after the one around it: first these are brought to their end."""


def problems(page: Page) -> list[str]:
    """What is wrong with the page as it is now, in every look. It has its window again afterwards, in light colours."""
    window = page.viewport_size
    found = problems_in_any_order(page)
    page.emulate_media(color_scheme="light")
    if page.viewport_size != window:
        page.set_viewport_size(window)
    return found


def problems_in_any_order(page: Page) -> list[str]:
    """What is wrong with the page as it is now, in every look; it has one of them afterwards."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    frame = page.evaluate(FRAME)
    found = []
    for look, rules in each_look(page):
        texts = "main, main *" if (look, frame) in FRAMES else "*"
        found += [f"{look}: {text}" for text in page.evaluate(JUDGED, [rules, texts])]
        FRAMES.add((look, frame))
    return found


def each_look(page: Page) -> Iterator[tuple[str, dict]]:
    """The looks one after the other, each while the page has it, with its rules; first one that has its window."""
    for look in LOOKS if page.viewport_size == NARROW else reversed(LOOKS):
        colors, window, rules = LOOKS[look]
        page.emulate_media(color_scheme=colors)
        if page.viewport_size != window:
            page.set_viewport_size(window)
        yield look, rules


def horizontal_overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def add_session(page: Page, site: str, client: Client) -> None:
    """Give the browser the session of a test client."""
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])


def add_authenticator(page: Page) -> None:
    """Add a virtual device for passkeys that confirms every request at once."""
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
    """Add a passkey on its page; the session needs a recent proof."""
    page.goto(f"{site}/account/passkeys/new/")
    page.get_by_label("Name").fill("MacBook")
    page.get_by_role("button", name="Add the passkey").click()
    next_pages = [page.get_by_role("heading", name=name, exact=True) for name in ("Recovery codes", "Your account")]
    next_pages[0].or_(next_pages[1]).wait_for()
