"""What browser tests do with a page, and what they assert about it."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

PASSWORD = "correct horse battery staple"
ONLY = {"resultTypes": ["violations"]}  # to describe what is in order as well takes axe three times as long
RULES = ONLY | {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
RULES_OF_COLORS = ONLY | {"runOnly": ["color-contrast", "link-in-text-block"]}

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
