"""The audit trail in tests: whether its chain holds, and a way past its triggers."""

import contextlib
from collections.abc import Iterator

from django.db import connection
from django.utils import timezone

from accounts import triggers
from accounts.audit import chain_keys, trail
from accounts.models import AuditEvent, AuditHead, Organization


def hash_of(previous, event):
    """The hash of an event with the key that it names, as somebody computes it who has the master keys."""
    key = chain_keys.find(event.key_id, event.organization_id) if event.key_id else None
    return trail.chain_hash(previous, event, key)


def chain_holds(organization):
    """Whether every hash can be computed again from the stored rows, and the numbers have no gap."""
    events = list(AuditEvent.objects.filter(organization_id=organization.id).order_by("sequence"))
    previous = b""
    for number, event in enumerate(events, start=1):
        if event.sequence != number or bytes(event.chain) != hash_of(previous, event):
            return False
        previous = bytes(event.chain)
    head = AuditHead.objects.get(organization_id=organization.id)
    return (head.sequence, bytes(head.chain)) == (len(events), previous)


REMOVE = {
    "sqlite": (*triggers.REMOVE["sqlite"], *triggers.REMOVE_OWNER["sqlite"]),
    "postgresql": ("SET session_replication_role = replica",),
}
INSTALL = {
    "sqlite": (*triggers.INSTALL["sqlite"], *triggers.INSTALL_OWNER["sqlite"]),
    "postgresql": ("SET session_replication_role = DEFAULT",),
}
"""On PostgreSQL a connection does without triggers, which is quicker; its role has to be a superuser."""


@contextlib.contextmanager
def audit_unlocked() -> Iterator[None]:
    """Emptying the tables between tests has to get past the triggers that keep audit events and owners."""
    with connection.cursor() as cursor:
        for statement in REMOVE[connection.vendor]:
            cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in INSTALL[connection.vendor]:
                cursor.execute(statement)


def stopped(owner):
    """The same person, whose organization's agents are stopped without a record of it."""
    stop = {"agents_stopped_at": timezone.now(), "agents_stopped_by": "Mara", "agents_stopped_why": "Refunds"}
    Organization.objects.filter(pk=owner.organization.pk).update(**stop)
    return owner
