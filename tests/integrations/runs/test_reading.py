"""Reading runs on both databases: each filter alone and with others, counts that stop, batches; the ways out."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.actors import ActorKind
from accounts.common.environments import Environment
from accounts.errors import PermissionDenied, RateLimited, Refusal
from integrations.broker.admission import INTERNAL_ERROR
from integrations.broker.ends import CANCELLED
from integrations.broker.retention import INTERRUPTED
from integrations.models import RunOutcome
from integrations.runs import reading
from integrations.runs.reading import RunFilters, count, page
from integrations.runs.way_out import OTHER, WAYS, MendedAt, way_out
from tests.factories import RunFactory, RunSecretFactory

pytestmark = [pytest.mark.each_database, pytest.mark.django_db]


def ago(minutes):
    return timezone.now() - timedelta(minutes=minutes)


def record(owner, minutes=0, **columns):
    moment = {"started_at": ago(minutes)}
    return RunFactory(organization=owner.organization, **moment | columns)


def found(owner, filters):
    return [run.pk for run in page(owner, filters, limit=10).items]


def test_filters_alone_and_together(owner, outsider):
    used, key = uuid4(), uuid4()
    failed = record(owner, 1, failed=True, principal_id=key, status=502, environment="production")
    error = record(owner, 2, outcome="upstream_error", status=429, operation="call_tool", note="contacts.search")
    fine = record(owner, 3, principal_id=key, request_id="req-12345678")
    going = record(owner, 4, started=True)
    broken = record(owner, 100, started=True)
    for run in (failed, fine, broken):
        RunSecretFactory(run=run, secret_id=used)
    RunSecretFactory(run=fine, name="another")
    record(outsider, 1, principal_id=key)
    cases = {
        (): [failed, error, fine, going, broken],
        (("outcome", RunOutcome.FAILED),): [failed],
        (("outcome", RunOutcome.UPSTREAM_ERROR),): [error],
        (("outcome", RunOutcome.SUCCEEDED),): [fine],
        (("outcome", RunOutcome.STARTED),): [going],
        (("secret", used),): [failed, fine, broken],
        (("secret", used), ("outcome", RunOutcome.FAILED)): [failed],
        (("secret", used), ("since", ago(30)), ("until", ago(2))): [fine],
        (("caller", key),): [failed, fine],
        (("caller", key), ("environment", Environment.STAGING)): [fine],
        (("integration", error.integration_id),): [error],
        (("code", "upstream_timeout"),): [failed],
        (("status", "429"),): [error],
        (("status", "4xx"),): [error],
        (("status", "5xx"),): [failed],
        (("status", "200"),): [fine],
        (("text", "CONTACTS"),): [error],
        (("text", "req-12345678"), ("caller", key)): [fine],
        (("text", str(going.pk)),): [going],
        (("text", "look up"), ("status", "200")): [fine],
    }
    shown = {case: found(owner, RunFilters(**dict(case))) for case in cases}
    assert shown == {case: [run.pk for run in runs] for case, runs in cases.items()}


def test_text_is_looked_for_in_the_newest_runs_that_match_the_rest(owner, monkeypatch):
    monkeypatch.setattr(reading, "SEARCHED_AT_MOST", 2)
    runs = [record(owner, minutes, host="found.example.com") for minutes in range(3)]
    record(owner, 0, environment="production", host="found.example.com")
    assert found(owner, RunFilters(text="found", environment=Environment.STAGING)) == [run.pk for run in runs[:2]]


def test_pages_and_batches_lose_nothing_and_repeat_nothing(owner, monkeypatch):
    used = uuid4()
    runs = [record(owner, minutes // 2) for minutes in range(7)]  # two of each moment
    for run in runs:
        RunSecretFactory(run=run, secret_id=used)
    for filters in (RunFilters(), RunFilters(secret=used)):
        whole = found(owner, filters)
        assert set(whole) == {run.pk for run in runs}
        first = page(owner, filters, limit=3)
        second = page(owner, filters, limit=3, cursor=first.next_cursor)
        assert [run.pk for run in first.items + second.items] == whole[:6]
        before = page(owner, filters, limit=3, cursor=reading.position_of(second.items[0]), newer=True)
        assert [run.pk for run in before.items] == whole[:3]
        monkeypatch.setattr(reading, "BATCH", 2)
        assert [run.pk for some in reading.batches(owner, filters) for run in some] == whole


def test_counts_stop(owner, monkeypatch):
    for minutes in range(4):
        record(owner, minutes)
    assert count(owner, RunFilters()) == 4
    monkeypatch.setattr(reading, "COUNTED_AT_MOST", 2)
    assert count(owner, RunFilters()) == 3
    third = page(owner, RunFilters(), limit=4).items[2]
    assert reading.count_newer(owner, RunFilters(), reading.position_of(third)) == 2


def test_a_caller_without_the_permission_reads_nothing(member):
    for read in (lambda: page(member, RunFilters(), limit=1), lambda: count(member, RunFilters()),
                 lambda: reading.find_run(member, uuid4())):  # fmt: skip
        with pytest.raises(PermissionDenied):
            read()


def test_bounds_of_a_key_bound_every_reading(owner):
    elsewhere, other = record(owner, environment="production"), record(owner)
    RunSecretFactory(run=elsewhere)
    key = replace(
        owner, kind=ActorKind.API_KEY, environments=frozenset({Environment.STAGING}),
        integrations=frozenset({elsewhere.integration_id}),
    )  # fmt: skip
    assert (found(key, RunFilters()), count(key, RunFilters())) == ([], 0)
    assert found(key, RunFilters(text=str(elsewhere.pk))) == found(key, RunFilters(text=str(other.pk))) == []


OF_THE_BROKER = {INTERNAL_ERROR, CANCELLED, INTERRUPTED, RateLimited.code}
NEVER_OF_A_RUN = {
    "checks_failed", "integration_in_use", "raw_credential", "secret_in_use", "request_answered", "too_many_requests",
    "nothing_staged", "rollback_expired", "value_too_short", "value_required", "text_too_large", "not_found",
    "permission_denied", "proof_needed", "invalid_json", "edit_conflict", "not_saved", "bad_request",
    "method_not_allowed", "foreign_origin", "request_header_fields_too_large", "http_version_not_supported",
    "not_sent", "document_unreadable", "idempotency_key_reused", "plan_stale", "request_unfinished", "already_decided",
}  # fmt: skip


def kinds_of(refusal):
    """The class and every class derived from it, of the product."""
    return {refusal} | {kind for below in refusal.__subclasses__() for kind in kinds_of(below)}


def test_every_code_of_a_run_has_a_way_out():
    codes = {kind.code for kind in kinds_of(Refusal) - {Refusal} if kind.__module__.partition(".")[0] != "tests"}
    assert set(WAYS) == (codes | OF_THE_BROKER) - NEVER_OF_A_RUN


def test_ways_out_by_status():
    assert way_out("", 401).place is MendedAt.ROTATION
    assert way_out("", 404).place is MendedAt.INTEGRATION
    assert (way_out("", 503).title, way_out("", 418).title) == ("The upstream failed", "The upstream refuses the call")
    assert way_out("", None) is way_out("", 302) is way_out("unheard_of") is OTHER
    assert way_out("response_unreadable", 200) is WAYS["response_unreadable"]
