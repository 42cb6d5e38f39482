"""What the end of a run says of its integration, and how it is kept."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.health import judging
from integrations.models import IntegrationState, Run
from tests.factories import IntegrationFactory, IntegrationStateFactory, RunFactory
from tests.peers.upstreams import answering, http
from tests.support.integrations.actions import action_to
from tests.support.things import make_action, store_secret

S = Environment.STAGING

VERDICTS = [
    ("succeeded", "", 200, False),
    ("succeeded", "", None, False),
    ("upstream_error", "", 404, False),
    ("upstream_error", "", 429, False),
    ("upstream_error", "", None, False),
    ("upstream_error", "", 500, True),
    ("upstream_error", "", 401, True),
    ("upstream_error", "", 403, True),
    ("upstream_error", "", 407, True),
    ("failed", "upstream_timeout", None, True),
    ("failed", "token_refused", 400, True),
    ("failed", "secret_disabled", 200, True),
    ("failed", "cancelled", None, None),
    ("failed", "interrupted", None, None),
    ("failed", "internal_error", None, None),
    ("failed", "request_timed_out", 200, None),
    ("failed", "argument_contains_secret", None, None),
    ("failed", "answer_withheld", 200, None),
    ("refused", "secret_missing", None, True),
    ("refused", "key_unavailable", None, True),
    ("refused", "domain_not_allowed", None, True),
    ("refused", "invalid_arguments", None, None),
    ("refused", "rate_limited", None, None),
    ("refused", "integration_disabled", None, None),
    ("started", "", None, None),
]


@pytest.fixture(autouse=True)
def _nothing_known():
    judging.KNOWN.clear()


def test_outcomes_say_that_an_integration_works_or_fails_or_nothing():
    said = [judging.verdict(Run(), outcome, code, status) for outcome, code, status, _ in VERDICTS]
    assert [one and one.said[0] for one in said] == [failing for *_, failing in VERDICTS]


def judge(integration, minutes_ago=0.0, **fields):
    started = timezone.now() - timedelta(minutes=minutes_ago)
    run = RunFactory(organization=integration.organization, integration_id=integration.pk, started_at=started, **fields)
    judging.note([judging.verdict(run, run.outcome, run.error_code, run.status)])
    return run


@pytest.mark.django_db
def test_a_state_is_kept_for_each_environment_and_says_since_when():
    integration = IntegrationFactory()
    judge(integration, 9)
    first = judge(integration, 8, failed=True)
    last = judge(integration, 7, upstream_error=True)
    judge(integration, 6, refused=True, error_code="invalid_arguments")
    judge(integration, 6, environment="production")
    failing, working = IntegrationState.objects.order_by("-environment")
    assert (failing.failing, failing.status, failing.run_id, failing.since) == (True, 500, last.pk, first.started_at)
    assert (working.environment, working.failing, working.error_code) == ("production", False, "")


@pytest.mark.django_db
def test_an_earlier_run_that_ends_later_changes_nothing():
    integration = IntegrationFactory()
    judge(integration, 1)
    judge(integration, 2, failed=True)
    assert not IntegrationState.objects.get().failing


@pytest.mark.django_db
def test_the_same_is_written_once_a_minute(django_assert_num_queries, monkeypatch):
    integration = IntegrationFactory()
    judge(integration)
    run = RunFactory(organization=integration.organization, integration_id=integration.pk)
    with django_assert_num_queries(0):
        judging.note([judging.verdict(run, run.outcome, "", 200)])
    monkeypatch.setattr(judging.time, "monotonic", lambda: float("inf"))
    judging.note([judging.verdict(run, run.outcome, "", 200)])
    assert IntegrationState.objects.get().run_id == run.pk


@pytest.mark.django_db
def test_runs_of_the_broker_are_judged(owner, run):
    store_secret(owner)
    answers = iter(["200 OK", "401 Unauthorized"])
    with answering(lambda request, connection: connection.sendall(http(b"{}", status=next(answers)))) as url:
        action = action_to(owner, url)
        run(owner, action, S)
        assert not IntegrationState.objects.get().failing
        run(owner, action, S)
    assert (IntegrationState.objects.get().failing, IntegrationState.objects.get().status) == (True, 401)


@pytest.mark.django_db
def test_refusals_that_a_person_has_to_mend_are_judged(owner, run):
    action = make_action(owner, uses="not.there")
    with pytest.raises(Refusal):
        run(owner, action, S)
    assert IntegrationState.objects.get().error_code == "secret_missing"


@pytest.mark.django_db
def test_an_integration_that_is_gone_is_no_problem():
    run = RunFactory()
    judging.note([judging.verdict(run, run.outcome, "", 200)])
    IntegrationState.objects.all().delete()  # the constraint is checked at the end of the test's transaction


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_run_writes_is_skipped(together):
    state = IntegrationStateFactory()
    judged = [lambda: judge(state.integration, failed=True)] * 6
    assert together(*judged) == [None] * 6
    assert IntegrationState.objects.get().failing


@pytest.mark.django_db
def test_runs_of_before_an_upgrade_are_asked_for_the_states():
    integration = IntegrationFactory()
    now = timezone.now()
    for minutes, fields in ((9, {"failed": True}), (5, {}), (3, {"error_code": "invalid_arguments", "refused": True})):
        started = now - timedelta(minutes=minutes)
        RunFactory(organization=integration.organization, integration_id=integration.pk, started_at=started, **fields)
    RunFactory(
        organization=integration.organization, integration_id=integration.pk, environment="production", failed=True
    )
    import_module("integrations.migrations.0012_figures").keep_states(apps, None)
    rows = IntegrationState.objects.order_by("environment").values_list("environment", "failing", "error_code")
    assert list(rows) == [("production", True, "upstream_timeout"), ("staging", False, "")]
