"""The record of runs over time: where a secret was used, and how old records are forgotten."""

from dataclasses import fields
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.common.environments import Environment
from integrations.broker import ledger, retention
from integrations.editing.integrations import delete_integration
from integrations.models import BegunRun, Run, RunOutcome, RunSecret
from integrations.references.usage import calls_by_place
from secrets_app.models import SecretValue
from tests.support.sign_in import sign_in
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION


def record(owner, integration, secret, environment=S, *, days_ago=0, outcome=RunOutcome.SUCCEEDED):
    """A run as the ledger keeps it, at another time."""
    values = SecretValue.objects.filter(secret=secret, environment=environment.value).select_related("secret")
    start = ledger.RunStart(
        actor=owner, integration=integration, environment=environment, operation="call", values=list(values)
    )
    (run,) = ledger.begin_all([start])
    ledger.finish_all([ledger.RunEnd(run, outcome, 3)])
    moment = timezone.now() - timedelta(days=days_ago)
    Run.objects.filter(pk=run.id).update(started_at=moment)
    RunSecret.objects.filter(run=run.id).update(started_at=moment)
    return run


@pytest.fixture
def secret(owner):
    return store_secret(owner)


def places(owner, secret):
    found = calls_by_place(owner.organization, secret.id)
    return [(place.integration_name, place.environment, place.calls, place.exists) for place in found]


def test_calls_are_told_by_integration_and_environment(owner, secret):
    one, two = make_action(owner, "One"), make_action(owner, "Two")
    for integration, environment, times in ((one, S, 1), (one, P, 3), (two, S, 2)):
        for _ in range(times):
            record(owner, integration, secret, environment)
    assert places(owner, secret) == [("One", P, 3, True), ("Two", S, 2, True), ("One", S, 1, True)]


def test_refused_and_older_calls_do_not_count(owner, secret):
    action = make_action(owner, "One")
    record(owner, action, secret, outcome=RunOutcome.REFUSED)
    record(owner, action, secret, days_ago=91)
    assert places(owner, secret) == []
    record(owner, action, secret, days_ago=89)
    assert places(owner, secret) == [("One", S, 1, True)]


def test_deleted_and_renamed_integrations_are_told_as_they_are(owner, secret):
    gone, renamed = make_action(owner, "Gone"), make_action(owner, "Before")
    record(owner, gone, secret), record(owner, renamed, secret)
    delete_integration(actor=owner, integration_id=gone.id)
    type(renamed).objects.filter(pk=renamed.pk).update(name="After")
    assert sorted(places(owner, secret)) == [("After", S, 1, True), ("Gone", S, 1, False)]


def test_other_organizations_learn_nothing(owner, outsider, secret):
    record(owner, make_action(owner, "One"), secret)
    assert calls_by_place(outsider.organization, secret.id) == []


def test_page_shows_them(owner, secret, client):
    sign_in(client, owner)
    address = f"/o/harbor-clinics/secrets/{secret.id}/"
    assert "No call has sent it." in client.get(address).content.decode()
    record(owner, make_action(owner, "One"), secret)
    page = client.get(address).content.decode()
    assert "Calls of the last 90 days" in page
    assert '<td class="num" data-label="Calls">1</td>' in page


def test_old_runs_are_forgotten_with_their_secrets_in_batches(owner, outsider, secret, settings, monkeypatch, capsys):
    monkeypatch.setattr(retention, "BATCH", 2)
    settings.RUN_DAYS = 100
    action = make_action(owner, "One")
    kept = [record(owner, action, secret, days_ago=days).id for days in (0, 99)]
    for days in (101, 150, 151, 400, 401):
        record(owner, action, secret, days_ago=days)
    theirs = store_secret(outsider)
    record(outsider, make_action(outsider, "Theirs"), theirs, days_ago=101)
    call_command("housekeeping")
    assert "Deleted runs: 6." in capsys.readouterr().out
    assert set(Run.objects.values_list("pk", flat=True)) == set(kept)
    assert RunSecret.objects.count() == 2
    assert retention.forget_old() == 0


def test_nothing_else_goes_with_a_run(owner, secret, settings):
    settings.RUN_DAYS = 90
    action = make_action(owner, "One")
    record(owner, action, secret, days_ago=91)
    assert retention.forget_old() == 1
    assert type(action).objects.filter(pk=action.pk).exists()
    assert SecretValue.objects.filter(secret=secret).count() == 3


def test_the_row_of_a_run_has_each_column_that_the_database_does_not_make():
    columns = {field.attname for field in Run._meta.concrete_fields if not field.generated}
    assert {field.name for field in fields(BegunRun)} == columns
