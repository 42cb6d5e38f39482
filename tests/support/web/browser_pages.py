"""What browser tests do with a page, and what they assert about it."""

from collections.abc import Iterator

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

PASSWORD = "correct horse battery staple"
ONLY = {"resultTypes": ["violations"]}  # to describe what is in order as well takes axe three times as long
MORE_RULES = ("label-content-name-mismatch", "scrollable-region-focusable")
"""Rules that axe leaves out by default, or judges by tags that are not among ours."""
RULES = ONLY | {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {rule: {"enabled": True} for rule in MORE_RULES},
}
RULES_OF_COLORS = ONLY | {"runOnly": ["color-contrast", "link-in-text-block"]}
RULES_OF_LAYOUT = RULES | {"rules": RULES["rules"] | {"color-contrast": {"enabled": False}}}

LOOKS = {
    "light": ("light", {"width": 1440, "height": 900}, RULES),
    "dark": ("dark", {"width": 1440, "height": 900}, RULES_OF_COLORS),
    "phone": ("light", {"width": 390, "height": 844}, RULES_OF_LAYOUT),
}
"""Colours, window, and the rules that a page is judged by in each look.

In the dark a page has the same elements, and on a phone the same colours.
"""

AT_REST = """() => {
  const moving = () => document.getAnimations().filter((one) => one instanceof CSSTransition);
  for (let left = 50, found; left && (found = moving()).length; left--) found.forEach((one) => one.finish());
}"""
"""Changed colours go through a transition, in each element after the one around it."""


def problems(page: Page) -> list[str]:
    """What is wrong with the page as it is now, in every look: violations of axe's rules, and sideways scroll.

    It has the look of before again afterwards, in light colours.
    """
    found, window = [], page.viewport_size
    for look, rules in each_look(page):
        found += [f"{look}: {text}" for text in _violations(page, rules)]
        if (excess := horizontal_overflow(page)) > 0:
            found.append(f"{look}: {excess} px too wide")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(window)
    return found


def each_look(page: Page) -> Iterator[tuple[str, dict]]:
    """The looks one after the other, each while the page has it, with its rules."""
    for look, (colors, window, rules) in LOOKS.items():
        page.emulate_media(color_scheme=colors)
        page.set_viewport_size(window)
        yield look, rules


def _violations(page: Page, rules: dict) -> list[str]:
    """What axe finds on the page as it is now, its transitions at their end."""
    page.evaluate(AT_REST)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options)", rules)["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found]


def horizontal_overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


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
