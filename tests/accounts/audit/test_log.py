"""A page of the audit log is read along an index, whichever filter is set and wherever the page is."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from accounts.audit import log
from accounts.audit.log import AuditFilters
from accounts.models import AuditEvent
from tests import factories

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = [f"secret.act{number}" for number in range(10)]


@pytest.fixture
def many(owner):
    """So many that the database prefers an index."""
    AuditEvent.objects.bulk_create(
        factories.AuditEventFactory.build(
            organization_id=owner.organization.id,
            sequence=number,
            created_at=START + timedelta(minutes=number),
            event=TAGS[number % 10],
            outcome="done" if number % 20 else "refused",
            actor_id=UUID(int=number % 30),
            actor_label=f"Person {number % 30}",
            target_id=UUID(int=number % 100),
            target_label=f"secret{number % 100}",
        )
        for number in range(1, 2001)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_auditevent")
        if connection.vendor == "postgresql":  # so few rows are also read and sorted at once
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    return owner


FILTERS = {
    "audit_event_by_time": AuditFilters(),
    "audit_event_by_event": AuditFilters(event=TAGS[3]),
    "audit_event_by_actor_id": AuditFilters(actor=str(UUID(int=7))),
    "audit_event_by_actor_label": AuditFilters(actor="Person 7"),
    "audit_event_by_target_id": AuditFilters(target=str(UUID(int=7))),
    "audit_event_by_target_label": AuditFilters(target="secret7"),
    "audit_event_by_outcome": AuditFilters(outcome="refused"),
}


def test_page_is_read_along_the_index_of_its_filter(many):
    for index, filters in FILTERS.items():
        for number in (2000, 1000, 200):
            events = log._before(log.matching(many, filters), START + timedelta(minutes=number), number)
            plan = events[:5].explain().replace('"', "")
            assert index in plan
            assert "Sort" not in plan
            assert "TEMP B-TREE" not in plan
            assert "created_at <" in plan.replace("created_at<", "created_at <")


def test_every_batch_together_is_everything_once(many, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 700)
    numbers = [event.sequence for batch in log.batches(many, AuditFilters()) for event in batch]
    assert numbers == list(range(2000, 0, -1))
