"""Loads the demo into an empty installation, once."""

from django.conf import settings
from django.db import transaction

from accounts.models import Organization, User
from config.demo.content import load_content
from config.demo.history import call_each, load_history
from config.demo.people import load_people

ECHO_PORT = 8901
ECHO_URL = f"http://127.0.0.1:{ECHO_PORT}"


def is_possible() -> bool:
    """Whether nothing has been entered yet, and the operator lets calls go to the echo upstream."""
    empty = not User.objects.exists() and not Organization.objects.exists()
    return empty and bool(settings.EGRESS_ALLOW)


def load_demo() -> None:
    """Create people, secrets, integrations and runs. The echo upstream is listening by then."""
    with transaction.atomic():
        owner = load_people()
        actions = load_content(owner, ECHO_URL)
        load_history(owner, actions)
    call_each(owner, actions)
