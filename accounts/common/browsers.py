"""Browsers in a few words, from their `User-Agent`: `Firefox on Windows`."""

BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
LONGEST = 40


def browser_in_words(user_agent: str) -> str:
    """Return the first browser and system that the text names, otherwise the beginning of the text."""
    browser = next((name for token, name in BROWSERS.items() if token in user_agent), "")
    system = next((name for token, name in SYSTEMS.items() if token in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or user_agent[:LONGEST] or "Unknown"
