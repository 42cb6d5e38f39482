"""Calls that are admitted together, and calls with an API key."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.callers import CONCURRENT_CALLS, PresentedKey
from accounts.actors import actor_for_key
from accounts.common.environments import Environment
from accounts.errors import Unauthenticated
from accounts.models import ApiKey
from accounts.policy import Scope
from integrations.broker import admission
from integrations.broker.admission import admit_all
from integrations.broker.preparation import Call
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration, Run
from secrets_app.editing.secrets import create_secret
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring, resolver
from tests.support.integrations.admission import GOOD, admit
from tests.support.things import VALUE, key_for, make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db
D, S, P = Environment


def test_calls_that_come_together_each_get_their_own_answer(owner, member, outsider, stage):
    good = Call(stage.id, S, params=GOOD)
    calls = [
        (owner, good),
        (outsider, good),
        (owner, Call(stage.id, P, params=GOOD)),
        (member, good),
        (owner, Call(stage.id, S, params={})),
        (owner, Call(UUID(int=0), S)),
        (owner, good),
    ]
    answers = admit_all(calls)
    codes = [getattr(answer, "code", "admitted") for answer in answers]
    assert codes == [
        "admitted",
        "not_found",
        "environment_not_enabled",
        "permission_denied",
        "invalid_arguments",
        "not_found",
        "admitted",
    ]
    runs = {str(run.id): (run.outcome, run.error_code, run.secrets.count()) for run in Run.objects.all()}
    assert runs == {
        str(answers[0].run.id): ("started", "", 2),
        answers[2].members["run_id"]: ("refused", "environment_not_enabled", 0),
        answers[4].members["run_id"]: ("refused", "invalid_arguments", 0),
        str(answers[6].run.id): ("started", "", 2),
    }


def test_calls_that_come_together_get_the_values_of_their_own_environment_and_organization(owner, outsider):
    calls = []
    for actor in (owner, outsider):
        values = {environment: Plaintext(f"{environment} of {actor.label}") for environment in (S, P)}
        create_secret(actor=actor, name="token", values=values)
        action = make_action(actor, uses="token", environments=[S, P])
        calls += [(actor, Call(action.id, environment)) for environment in (S, P)]
    opened = [answer.secrets["token"].expose() for answer in admit_all(calls)]
    assert opened == [f"{call.environment} of {actor.label}" for actor, call in calls]


def test_calls_that_come_together_open_a_value_once(owner, stage, monkeypatch):
    opened, unseal = [], keyring.unseal
    monkeypatch.setattr(keyring, "unseal", lambda value: opened.append(value) or unseal(value))
    call = owner, Call(stage.id, S, params=GOOD)
    answers = admit_all([call] * 3)
    assert len({value.pk for value in opened}) == len(opened) == 2
    assert len({tuple(value.expose() for value in answer.secrets.values()) for answer in answers}) == 1
    SecretValue.objects.filter(pk=opened[0].pk).update(sealed=bytes(opened[0].sealed)[:-1] + b"x")
    assert [answer.code for answer in admit_all([call] * 2)] == ["key_unavailable"] * 2


@pytest.mark.parametrize("step", ["prepare", "check_secrets", "resolver.open_values"])
def test_a_fault_of_ours_in_one_call_is_no_other_call_s(owner, outsider, stage, monkeypatch, step):
    """Nor is anything done twice for the others: a call counts once towards the limit of its key."""
    key_for(owner, max_per_minute=3)
    actor = actor_for_key(ApiKey.objects.select_related("organization").get())
    store_secret(outsider)
    theirs = make_action(outsider, "Theirs")

    def faulty(*arguments, **named):
        if theirs in arguments[0] or named.get("actor") == outsider:
            raise RuntimeError(VALUE)
        return real(*arguments, **named)

    holder = resolver if step.startswith("resolver") else admission
    real = getattr(holder, step.rpartition(".")[2])
    monkeypatch.setattr(holder, step.rpartition(".")[2], faulty)
    good = Call(stage.id, S, params=GOOD)
    first, fault, last = admit_all([(actor, good), (outsider, Call(theirs.id, S)), (actor, good)])
    assert (first.run.outcome, type(fault), last.run.outcome) == ("started", RuntimeError, "started")
    assert ApiKey.objects.get().minute_calls == 2
    recorded = Run.objects.get(organization=outsider.organization)
    assert (recorded.outcome in {"refused", "failed"}, recorded.error_code) == (True, "internal_error")


def test_calls_that_come_together_are_looked_up_and_committed_as_one(owner, stage):
    call = owner, Call(stage.id, S, params=GOOD)
    admit_all([call])
    with CaptureQueriesContext(connection) as alone:
        admit_all([call])
    with CaptureQueriesContext(connection) as together:
        admit_all([call] * 20)
    assert len(together) == len(alone)
    assert Run.objects.count() == 22


def test_what_was_expected_and_is_not_so_any_more_is_looked_up(owner, stage):
    call = Call(stage.id, S, params=GOOD)
    assert admit(owner, call).links[1].name == "CRM bearer token"
    other = make_connector(owner, "Another", uses="crm.tenant")
    config = Integration.objects.get(pk=stage.pk).config | {"auth_connector": str(other.id)}
    update_integration(actor=owner, integration_id=stage.id, changes=IntegrationChanges(config=config))
    admitted = admit(owner, call)
    assert [link.name for link in admitted.links] == [stage.name, "Another"]
    assert set(admitted.secrets) == {"crm.tenant"}


# calls that come with a key


def presented(text):
    return PresentedKey(text, "127.0.0.1")


def test_keys_are_looked_up_with_what_they_run(owner, outsider, stage):
    good = Call(stage.id, S, params=GOOD)
    keys = [key_for(owner), "cof_nonsense", key_for(outsider), key_for(owner, Scope.SECRETS_READ)]
    first, second, third, fourth = admit_all([(presented(key), good) for key in keys])
    assert first.actor.label == "API key agent"
    assert [refusal.code for refusal in (second, third, fourth)] == [
        "unauthenticated",
        "not_found",
        "permission_denied",
    ]
    assert [run.caller for run in Run.objects.all()] == ["API key agent"]


def test_a_revoked_key_is_refused_at_the_next_call(owner, stage):
    caller = presented(key_for(owner))
    admit(caller, Call(stage.id, S, params=GOOD))
    ApiKey.objects.update(revoked_at=timezone.now())
    with pytest.raises(Unauthenticated):
        admit(caller, Call(stage.id, S, params=GOOD))
    assert Run.objects.count() == 1


def test_a_call_that_is_let_in_holds_a_slot_and_others_give_theirs_back(owner, stage, monkeypatch):
    caller = presented(key_for(owner, max_concurrent=2))
    disabled = make_action(owner, "Off", uses="", enabled=False)
    calls = [(caller, Call(stage.id, S, params=GOOD)), (caller, Call(disabled.id, S))]
    admitted, refused = admit_all(calls)
    assert refused.code == "integration_disabled"
    assert list(CONCURRENT_CALLS._counts.values()) == [1]

    def broken(_):
        raise RuntimeError

    monkeypatch.setattr("integrations.broker.ledger.begin_all", broken)
    with pytest.raises(RuntimeError):
        admit_all(calls)
    assert list(CONCURRENT_CALLS._counts.values()) == [1]
    CONCURRENT_CALLS.release(admitted.actor)
    assert not CONCURRENT_CALLS._counts
