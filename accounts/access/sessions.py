"""Signed-in sessions of people: their list (django-allauth's) goes with them when their key changes."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts.models import User


def rotate_session(session: SessionBase) -> None:
    """Give the session a new key and end the old one (ASVS 7.2.4); it stays the same line of the list of sessions."""
    old = session.session_key
    with transaction.atomic():
        session.cycle_key()
        UserSession.objects.filter(session_key=old).update(session_key=session.session_key)


def end_sessions(user: User) -> None:
    """Sign the person out everywhere."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def seen_now(session: SessionBase) -> None:
    """Note in the list of sessions that this one is in use."""
    UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=timezone.now())
