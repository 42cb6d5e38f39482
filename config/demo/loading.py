"""Loads the demo into an empty installation, once."""

from django.conf import settings
from django.db import transaction

from accounts.models import Organization, User
from config.demo.alerts import load_alerts
from config.demo.approvals import TASKS, load_approvals
from config.demo.calls import call_each
from config.demo.content import load_content
from config.demo.history import load_history
from config.demo.people import load_agent, load_people, write_sign_in
from config.demo.rotations import load_rotations
from config.demo.stand_ins import Ports
from config.demo.traffic import load_traffic


def is_possible() -> bool:
    """Whether nothing has been entered yet, and the operator lets calls go to the stand-ins."""
    empty = not User.objects.exists() and not Organization.objects.exists()
    return empty and bool(settings.EGRESS_ALLOW)


def load_demo(ports: Ports) -> None:
    """Create people, secrets, integrations, runs and rotations. The stand-ins listen by then."""
    with transaction.atomic():
        owner, passwords = load_people()
        integrations = load_content(owner, ports)
        agent, key = load_agent(owner, list(integrations.values()))
        load_history(owner, agent, list(integrations.values()))
        load_traffic(agent)
        load_alerts(owner, ports)
        write_sign_in(passwords, key)
    load_rotations(owner)
    call_each(owner, agent, integrations)
    load_approvals(owner, integrations[TASKS])
