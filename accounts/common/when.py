"""Times in UTC and in words: relative while recent, a date when they are old (docs/interface.md, "Wording")."""

from datetime import UTC, datetime

MINUTE, HOUR, DAY, YEAR = 60, 3_600, 86_400, 365 * 86_400
TEN, THOUSAND = 10, 1_000
NOTHING = "–"  # noqa: RUF001 - how a page writes that there is no figure


def in_utc(moment: datetime) -> datetime:
    """Convert a time to UTC; without an offset it is taken as UTC.

    Raises:
        ValueError: the result is outside the years 1 to 9999.
    """
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("Use a date between the years 1 and 9999 in UTC.") from None


def in_words(moment: datetime, now: datetime) -> str:
    """Return a past time in words: `just now`, `38 sec ago`, `4 min ago`, `3 h ago`, `2 days ago`, `14 Mar 2025`.

    The date is used after a year. A time in the future, from a clock that is ahead, is `just now`.
    """
    seconds = int((now - moment).total_seconds())
    if seconds < 1:
        return "just now"
    if seconds >= YEAR:
        return date_in_words(moment)
    if seconds >= DAY:
        days = seconds // DAY
        return f"{days} day{'' if days == 1 else 's'} ago"
    if seconds >= HOUR:
        return f"{seconds // HOUR} h ago"
    if seconds >= MINUTE:
        return f"{seconds // MINUTE} min ago"
    return f"{seconds} sec ago"


def ahead_in_words(moment: datetime, now: datetime) -> str:
    """Return a future time in words: `in 6 days` (the nearest whole number), `in 3 h`, `in 4 min`, `now`.

    `now` stands for less than a minute ahead, and for the past.
    """
    seconds = int((moment - now).total_seconds())
    if seconds >= DAY:
        days = (seconds + DAY // 2) // DAY
        return f"in {days} day{'' if days == 1 else 's'}"
    if seconds >= HOUR:
        return f"in {seconds // HOUR} h"
    return f"in {seconds // MINUTE} min" if seconds >= MINUTE else "now"


def left_in_words(moment: datetime, now: datetime) -> str:
    """Return the time until a moment: `3 days`, `23 h 54 min`, `6 min`."""
    minutes = max(0, int((moment - now).total_seconds()) // MINUTE)
    hours, rest = divmod(minutes, MINUTE)
    if hours >= 2 * DAY // HOUR:
        return f"{hours * HOUR // DAY} days"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def span_in_words(seconds: float) -> str:
    """Return a span of time: `41 s`, `6 min 40 s`, `25 min`, `1 h 5 min`, `3 days`; with seconds below ten minutes."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} min {rest} s" if rest and minutes < TEN else f"{minutes} min"
    if whole >= 2 * DAY:
        return f"{whole // DAY} days"
    hours, rest = divmod(whole // MINUTE, HOUR // MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def date_in_words(moment: datetime) -> str:
    """Return the date in UTC, such as `14 Mar 2025`."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y}"


def exact(moment: datetime) -> str:
    """Return the exact time, such as `2026-11-20 14:05:48 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def in_milliseconds(milliseconds: int | None) -> str:
    """Return a duration: `182 ms`, `1.2 s`, `21 s`, and a dash for None."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < THOUSAND:
        return f"{milliseconds} ms"
    seconds = milliseconds / THOUSAND
    return f"{seconds:.1f} s" if seconds < TEN else f"{seconds:.0f} s"
