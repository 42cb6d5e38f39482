"""Figures of a period are those of the runs themselves, whether their hours are counted or not."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.people.organization_deletion import delete_organization
from config.asgi import application
from integrations.broker import ends, ledger
from integrations.figures import keeping
from integrations.figures.figures import callers, figures
from integrations.figures.periods import PERIODS
from integrations.models import CallerCount, Run, RunCount, RunsCounted, Span
from tests.factories import OrganizationFactory, RunCountFactory, RunFactory
from tests.peers.upstreams import answering, http
from tests.support.api.asgi import served
from tests.support.integrations.actions import action_to
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
LAST = NOW.replace(hour=13, minute=0)
"""Until when hours can be over: a run takes up to 75 minutes."""
S, P = Environment.STAGING, Environment.PRODUCTION


@pytest.fixture
def organization():
    return OrganizationFactory()


def run_of(organization, hours_ago=0.0, **fields):
    return RunFactory(organization=organization, started_at=NOW - timedelta(hours=hours_ago), **fields)


def told(organization, key="24h", environment=None):
    found = figures(organization, PERIODS[key], environment, NOW)
    return found.all.calls, found.all.failed, found.before.calls


def test_figures_are_the_same_before_and_after_hours_are_counted(organization):
    for hours in (0.1, 0.5, 3, 3, 23, 25, 30, 24 * 5, 24 * 20, 24 * 40):
        run_of(organization, hours)
    run_of(organization, 3, upstream_error=True, environment=P.value, duration_ms=700)
    run_of(organization, 2, refused=True)
    run_of(OrganizationFactory(), 1)
    for _ in range(2):
        assert told(organization) == (7, 2, 2)
        assert told(organization, environment=P) == (1, 1, 0)
        assert told(organization, "7d") == (10, 2, 0)
        assert told(organization, "30d") == (11, 2, 1)
        assert keeping.count_hours(organization.pk, NOW) or RunsCounted.objects.get().until == LAST
    assert keeping.count_hours(organization.pk, NOW) == 0


def test_a_run_under_way_does_not_count_and_one_that_broke_off_failed(organization):
    run_of(organization, 0.1, started=True)
    run_of(organization, 2, started=True)
    assert told(organization) == (1, 1, 0)
    keeping.count_hours(organization.pk, NOW)
    assert told(organization) == (1, 1, 0)


def test_an_hour_is_counted_once_no_run_of_it_can_be_under_way(organization):
    run_of(organization, 2)  # 12:40
    early = NOW.replace(minute=10)
    assert keeping.count_hours(organization.pk, early) == 0
    assert (keeping.count_hours(organization.pk, NOW), RunsCounted.objects.get().until) == (1, LAST)


def test_times_are_of_calls_that_were_sent_and_by_integration(organization):
    slow = run_of(organization, 2, duration_ms=4_000)
    for _ in range(3):
        run_of(organization, 2, duration_ms=90, integration_id=slow.integration_id)
    run_of(organization, 2, refused=True, integration_id=slow.integration_id)
    found = figures(organization, PERIODS["24h"], None, NOW)
    assert (found.all.calls, found.all.failed, found.all.durations.total()) == (5, 1, 4)
    tally = found.by_integration[slow.integration_id]
    assert (76 <= tally.p50 <= 91, 3444 <= tally.p95 <= 4096) == (True, True)
    assert sum(slot.all.calls for slot in found.slots) == 5


def test_sessions_count_as_calls_of_their_key(organization):
    key, session = uuid4(), uuid4()
    run_of(organization, 2, caller_id=key, principal_id=key)
    run_of(organization, 1.5, caller_id=session, principal_id=key)
    run_of(organization, 1, caller_kind="command", caller_id=None, principal_id=None)
    keeping.count_hours(organization.pk, NOW)
    run_of(organization, 0.1, caller_id=key, principal_id=key)
    (found,) = callers(organization, PERIODS["7d"], None, NOW)
    assert (found.id, found.calls, found.last_at) == (key, 3, NOW - timedelta(hours=0.1))


def test_old_counts_are_deleted_and_days_are_kept_longer(organization):
    now = timezone.now()
    for days in (36, 401):
        RunCountFactory(starts_at=now - timedelta(days=days))
        RunCountFactory(day=True, starts_at=now - timedelta(days=days))
    call_command("housekeeping")
    assert [(row.span, (now - row.starts_at).days) for row in RunCount.objects.all()] == [(Span.DAY.value, 36)]


def test_housekeeping_counts_runs_before_it_deletes_them():
    RunFactory(organization=OrganizationFactory(run_days=90), started_at=timezone.now() - timedelta(days=100))
    call_command("housekeeping")
    assert (Run.objects.count(), [row.runs for row in RunCount.objects.filter(span=Span.DAY.value)]) == (0, [1])


def test_counts_go_with_their_organization(owner):
    RunFactory(organization=owner.organization, started_at=timezone.now() - timedelta(hours=5))
    keeping.count_hours(owner.organization.pk)
    delete_organization(actor=owner, typed=owner.organization.name)
    assert (RunCount.objects.count(), CallerCount.objects.count(), RunsCounted.objects.count()) == (0, 0, 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_count_an_hour_once(together):
    organization = OrganizationFactory()
    for hours in range(2, 60):
        RunFactory(organization=organization, started_at=NOW - timedelta(hours=hours))
    together(*[lambda: keeping.count_hours(organization.pk, NOW)] * 4)
    keeping.count_hours(organization.pk, NOW)
    by_span = Counter()
    for row in RunCount.objects.all():
        by_span[row.span] += row.runs
    assert by_span == {"hour": 58, "day": 58}


def test_a_run_after_an_hour_that_is_over_has_it_counted(owner, run, monkeypatch):
    store_secret(owner)
    jobs = []
    monkeypatch.setattr(ends, "in_background", lambda job, *args: jobs.append((job, *args)))
    ledger._hours.clear()
    with answering(lambda request, connection: connection.sendall(http(b"{}"))) as url:
        action = action_to(owner, url)
        run(owner, action, Environment.STAGING)
        assert RunsCounted.objects.count() == 0
        Run.objects.update(started_at=timezone.now() - timedelta(hours=3))
        ledger._hours[owner.organization.pk] = timezone.now()
        run(owner, action, Environment.STAGING)
    ((job, organization_id),) = jobs
    job(organization_id)
    assert (RunCount.objects.filter(span="hour").count(), figures_of(owner).all.calls) == (1, 2)


def figures_of(owner):
    return figures(owner.organization, PERIODS["24h"], None, timezone.now())


@pytest.mark.django_db(transaction=True)
async def test_start_counts_what_an_earlier_process_left():
    def make():
        RunFactory(started_at=timezone.now() - timedelta(hours=30))

    await in_database(make)
    async with served(application):
        for _ in range(100):
            if await in_database(RunCount.objects.count):
                break
            await asyncio.sleep(0.05)
        assert await in_database(RunCount.objects.count) == 2
