"""How long a secret is accepted by its provider, from its last day (UTC), and the words for it."""

from datetime import UTC, date, datetime

SOON_DAYS = 30
"""How many days before its last day a secret is marked."""


def days_left(last: date) -> int:
    """Return the days until the last day; 0 on it, negative afterwards."""
    return (last - datetime.now(UTC).date()).days


def is_soon(last: date) -> bool:
    """Whether the last day is near, or over."""
    return days_left(last) <= SOON_DAYS


def in_words(last: date) -> str:
    """Return the words of a mark: `Expires in 9 days`, `Expires today`, `Expired 2 days ago`."""
    left = days_left(last)
    if left == 0:
        return "Expires today"
    days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
    return f"Expires in {days}" if left > 0 else f"Expired {days} ago"
