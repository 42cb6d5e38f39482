"""Limits of a signed-in session: 12 hours without use, 7 days in all.

See docs/security-rules.md, "Sessions and browsers"; ASVS 7.3. The session stores when it began and when it was last
seen. The time of last use is written at most every few minutes.
"""

import time

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

BEGAN, SEEN = "began_at", "seen_at"
SEEN_EVERY_SECONDS = 300.0


def is_over(session: SessionBase) -> bool:
    """Whether a signed-in session has reached one of its limits."""
    now = time.time()
    idle, age = now - session.get(SEEN, now), now - session.get(BEGAN, now)
    return idle > settings.SESSION_IDLE_SECONDS or age > settings.SESSION_COOKIE_AGE


def begin(session: SessionBase) -> None:
    """Start the session's clock at a sign-in."""
    session[BEGAN] = session[SEEN] = time.time()


def see(session: SessionBase) -> bool:
    """Note that the session is in use. Returns True if the time was written."""
    now = time.time()
    session.setdefault(BEGAN, now)
    if now - session.get(SEEN, 0.0) < SEEN_EVERY_SECONDS:
        return False
    session[SEEN] = now
    return True
