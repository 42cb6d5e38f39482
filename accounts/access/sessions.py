"""Sessions of signed-in people, kept in step with django-allauth's list of sessions."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts.models import User


def rotate_session(session: SessionBase) -> None:
    """Give the session a new key and invalidate the old one (ASVS 7.2.4).

    It stays the same entry in the list of sessions.
    """
    old = session.session_key
    with transaction.atomic():
        session.cycle_key()
        UserSession.objects.filter(session_key=old).update(session_key=session.session_key)


def end_sessions(user: User) -> None:
    """Sign the person out everywhere."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def seen_now(session: SessionBase) -> None:
    """Update the time of last use in the list of sessions."""
    UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=timezone.now())
