"""Times in words (docs/interface.md, "Wording")."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from accounts.common.when import ahead_in_words, date_in_words, exact, in_words, span_in_words

NOW = datetime(2026, 11, 20, 14, 6, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=1), "1 sec ago"),
        (timedelta(seconds=59), "59 sec ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=364), "364 days ago"),
        (timedelta(days=365), "20 Nov 2025"),
    ],
)
def test_age_in_words(age, words):
    assert in_words(NOW - age, NOW) == words


def test_a_moment_in_the_future_is_just_now():
    assert in_words(NOW + timedelta(minutes=5), NOW) == "just now"


def test_dates_and_exact_times_are_in_utc():
    moment = datetime(2026, 3, 15, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    assert date_in_words(moment) == "14 Mar 2026"
    assert exact(moment) == "2026-03-14 16:30:00 UTC"


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(days=6, hours=23, minutes=59), "in 7 days"),
        (timedelta(days=6, hours=11), "in 6 days"),
        (timedelta(days=1), "in 1 day"),
        (timedelta(hours=23, minutes=59), "in 23 h"),
        (timedelta(minutes=59), "in 59 min"),
        (timedelta(seconds=59), "now"),
        (timedelta(days=-3), "now"),
    ],
)
def test_a_moment_ahead_in_words(ahead, words):
    assert ahead_in_words(NOW + ahead, NOW) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-1), "0 s"),
        (timedelta(seconds=41), "41 s"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(minutes=6, seconds=40), "6 min 40 s"),
        (timedelta(minutes=14, seconds=59), "14 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=5), "23 h 5 min"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_span_in_words(span, words):
    assert span_in_words(span.total_seconds()) == words
