"""What refuses a run, in which order, and that every attempt of somebody who may run it is on record."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from accounts.common.environments import Environment
from accounts.errors import NotFound, PermissionDenied, Refusal
from integrations.broker.preparation import Call
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.egress import configuration
from integrations.inheritance import Route
from integrations.models import Integration, Run, RunSecret, SecretReference
from integrations.readiness.warnings import warnings_for
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.inventory import inventory
from secrets_app.models import OrganizationKey, Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring
from tests.support.databases.undone import failures
from tests.support.integrations.admission import GOOD, admit
from tests.support.things import (
    make_action,
    make_connector,
    store_secret,
)

pytestmark = pytest.mark.django_db

D, S, P = Environment


def disable_connector(action):
    Integration.objects.filter(kind="auth_connector").update(enabled=False)


def narrow_connector(action):
    Integration.objects.filter(kind="auth_connector").update(environments=frozenset({D}))


def disable(action):
    Integration.objects.filter(pk=action.pk).update(enabled=False)


def delete_value(action):
    SecretValue.objects.filter(secret__name="crm.apiKey", environment="staging").delete()


def forget_secret(action):
    SecretReference.objects.update(secret=None)
    Secret.objects.filter(name="crm.apiKey").delete()


def disable_secret(action):
    Secret.objects.filter(name="crm.apiKey").update(enabled=False)


def allow_elsewhere(action):
    Secret.objects.filter(name="crm.apiKey").update(allowed_domains=["other.example.com"])


def mark_unreadable(action):
    SecretValue.objects.filter(secret__name="crm.apiKey", environment="staging").update(unreadable=True)


def lose_key(action):
    OrganizationKey.objects.update(master_key_id="another")


def damage(action):
    SecretValue.objects.filter(secret__name="crm.apiKey", environment="staging").update(sealed=b"CF2")


def point_inside(action):
    Integration.objects.filter(pk=action.pk).update(config={**action.config, "base_url": "https://10.0.0.1"})
    Secret.objects.update(allowed_domains=[])


def nothing(action):
    """As it is."""


# what happened -> the arguments, the code, words that the answer has
REFUSALS = {
    "integration disabled": (disable, GOOD, "integration_disabled", "Look up patient is disabled"),
    "connector disabled": (disable_connector, GOOD, "integration_disabled", "CRM bearer token is disabled"),
    "connector not here": (
        narrow_connector,
        GOOD,
        "environment_not_enabled",
        "CRM bearer token does not run in Staging",
    ),
    "argument missing": (nothing, {}, "invalid_arguments", "do not match"),
    "argument unknown": (nothing, {"id": "1", "x": 1}, "invalid_arguments", "do not match"),
    "argument too long": (nothing, {"id": "123456"}, "invalid_arguments", "do not match"),
    "argument of wrong type": (nothing, {"id": 1}, "invalid_arguments", "do not match"),
    "no such secret": (forget_secret, GOOD, "secret_missing", "No secret is called crm.apiKey"),
    "no value here": (delete_value, GOOD, "secret_missing", "crm.apiKey has no value in Staging"),
    "secret disabled": (disable_secret, GOOD, "secret_disabled", "crm.apiKey is disabled"),
    "domain": (allow_elsewhere, GOOD, "domain_not_allowed", "crm.apiKey may not be sent to api.example.com"),
    "unreadable value": (mark_unreadable, GOOD, "key_unavailable", "Staging value of crm.apiKey cannot be opened"),
    "key not held": (lose_key, GOOD, "key_unavailable", "cannot be opened"),
    "value does not open": (damage, GOOD, "key_unavailable", "Staging value of crm.apiKey cannot be opened"),
    "egress": (point_inside, GOOD, "egress_denied", "Use a host name"),
}


def test_refusal_has_its_code_and_is_on_record(owner, stage):
    def is_refused(name):
        event, params, code, words = REFUSALS[name]
        event(stage)
        with pytest.raises(Refusal) as refusal:
            admit(owner, Call(stage.id, S, params=params))
        assert (refusal.value.code, words in refusal.value.detail) == (code, True)
        run = Run.objects.get()
        is_about_secret = "crm.apiKey" in refusal.value.detail
        assert refusal.value.members == {"run_id": str(run.id)} | ({"secret": "crm.apiKey"} if is_about_secret else {})
        assert (run.outcome, run.error_code, run.status, run.duration_ms) == ("refused", code, None, 0)
        assert (run.caller, run.environment, run.integration_id) == ("Mara Lindqvist", "staging", stage.id)

    assert failures(REFUSALS, is_refused) == {}


WARNED = [name for name in REFUSALS if not name.startswith(("argument", "value does", "integration"))]


def test_warning_and_refusal_agree(owner, stage):
    assert warnings_for(Integration.objects.get(pk=stage.pk)) == []

    def agree(name):
        event, params, code, _ = REFUSALS[name]
        event(stage)
        warnings = warnings_for(Integration.objects.select_related("auth_connector").get(pk=stage.pk))
        with pytest.raises(Refusal) as refusal:
            admit(owner, Call(stage.id, S, params=params))
        assert (code, refusal.value.detail) in {(warning.code, warning.detail) for warning in warnings}

    assert failures(WARNED, agree) == {}


def test_environment_that_is_not_enabled_is_refused(owner, stage):
    with pytest.raises(Refusal) as refusal:
        admit(owner, Call(stage.id, P, params=GOOD))
    assert refusal.value.code == "environment_not_enabled"
    assert Run.objects.get().environment == "production"


def test_unknown_operation_is_refused_and_not_repeated_in_the_ledger(owner, stage):
    def is_refused(operation):
        with pytest.raises(Refusal) as refusal:
            admit(owner, Call(stage.id, S, operation=operation, params={}))
        assert refusal.value.code == "invalid_arguments"
        assert Run.objects.get().operation in {"", "check"}

    assert failures(["delete", "call ", "x" * 5000, "a\0b", "check"], is_refused) == {}


def test_connector_has_no_operation(owner):
    with pytest.raises(Refusal) as refusal:
        admit(owner, Call(make_connector(owner).id, S))
    assert (refusal.value.code, refusal.value.status) == ("invalid_arguments", 422)


def wrong_arguments(action):
    """The call itself is wrong."""


# each of these breaks everything after it, and the first one speaks
ORDER = [
    (disable, "integration_disabled"),
    (narrow_connector, "environment_not_enabled"),
    (wrong_arguments, "invalid_arguments"),
    (forget_secret, "secret_missing"),
    (disable_secret, "secret_disabled"),
    (delete_value, "secret_missing"),
    (mark_unreadable, "key_unavailable"),
    (allow_elsewhere, "domain_not_allowed"),
]


def test_checks_come_in_this_order(owner, stage):
    def speaks_first(name):
        number = [event.__name__ for event, _ in ORDER].index(name)
        events = [event for event, _ in ORDER[number:]]
        for event in reversed(events):
            event(stage)
        with pytest.raises(Refusal) as refusal:
            admit(owner, Call(stage.id, S, params={} if wrong_arguments in events else GOOD))
        assert refusal.value.code == ORDER[number][1]

    assert failures([event.__name__ for event, _ in ORDER], speaks_first) == {}


def test_secrets_are_judged_before_the_destination(owner, stage):
    point_inside(stage)
    disable_secret(stage)
    with pytest.raises(Refusal) as refusal:
        admit(owner, Call(stage.id, S, params=GOOD))
    assert refusal.value.code == "secret_disabled"


def test_nothing_is_opened_before_every_check_has_passed(owner, stage, monkeypatch):
    opened = []
    monkeypatch.setattr(keyring, "unseal", opened.append)

    def opens_nothing(name):
        event, params, _, _ = REFUSALS[name]
        event(stage)
        with pytest.raises(Refusal):
            admit(owner, Call(stage.id, S, params=params))
        assert opened == []

    assert failures([name for name in REFUSALS if name != "value does not open"], opens_nothing) == {}


def test_admitted_call_is_recorded_as_started_with_what_it_uses(owner, stage):
    admitted = admit(owner, Call(stage.id, S, params=GOOD))
    run = Run.objects.get()
    assert (run.id, run.outcome, run.host, run.operation) == (admitted.run.id, "started", "api.example.com", "call")
    used = RunSecret.objects.filter(run=run).order_by("name").values_list("name", "version")
    assert list(used) == [("crm.apiKey", 1), ("crm.tenant", 1)]
    assert "correct-horse" not in repr(admitted)


def strangers(owner, member, outsider):
    """Callers for whom the attempt is not recorded."""
    limited = replace(owner, integrations=frozenset({uuid4()}))
    production = replace(owner, environments=frozenset({P}))
    reader = replace(owner, permissions=owner.permissions - {"integrations.run"})
    return [
        (member, PermissionDenied),
        (reader, PermissionDenied),
        (production, PermissionDenied),
        (outsider, NotFound),
        (limited, NotFound),
    ]


def test_callers_who_may_not_are_not_recorded(owner, member, outsider, stage):
    for actor, expected in strangers(owner, member, outsider):
        with pytest.raises(expected) as refusal:
            admit(actor, Call(stage.id, S, params=GOOD))
        assert refusal.value.members == {}
    assert not Run.objects.exists()


def test_unknown_integration_is_not_recorded(owner):
    with pytest.raises(NotFound):
        admit(owner, Call(UUID(int=0), S))
    assert not Run.objects.exists()


def test_warning_names_each_environment_once(owner):
    store_secret(owner, environments=[D])
    action = make_action(owner, environments=list(Environment))
    found = [(warning.code, warning.secret, warning.environment) for warning in warnings_for(action)]
    assert found == [("secret_missing", "crm.apiKey", S), ("secret_missing", "crm.apiKey", P)]


def test_name_that_does_not_exist_is_one_warning(owner):
    action = make_action(owner, environments=list(Environment))
    assert [(warning.code, warning.secret) for warning in warnings_for(action)] == [("secret_missing", "crm.apiKey")]


def test_plain_http_to_a_name_is_saved_with_a_warning(owner):
    action = make_action(owner, uses="", base_url="http://crm.internal.example.com")
    warning = warnings_for(action)[0]
    assert warning.code == "egress_denied"
    assert "crm.internal.example.com is called only if" in warning.detail


def test_address_that_the_operator_closed_again_is_a_warning(owner, settings):
    action = make_action(owner, uses="", base_url="http://127.0.0.1:9")
    assert warnings_for(action) == []
    settings.EGRESS_ALLOW = ""
    configuration.policy.cache_clear()
    try:
        assert [warning.code for warning in warnings_for(action)] == ["egress_denied"]
    finally:
        configuration.policy.cache_clear()


def test_integration_without_environment_warns_of_nothing(owner):
    action = make_action(owner, environments=[])
    assert warnings_for(action) == []
    update_integration(actor=owner, integration_id=action.id, changes=IntegrationChanges(environments=[S]))
    assert len(warnings_for(Integration.objects.get())) == 1


def test_swapped_values_fail_the_run_and_both_stay_missing(owner):
    secrets = [store_secret(owner, name, environments=[S]) for name in ("one", "two")]
    actions = [make_action(owner, f"Uses {secret.name}", uses=secret.name) for secret in secrets]
    first, second = (SecretValue.objects.get(secret=secret) for secret in secrets)
    SecretValue.objects.filter(pk=first.pk).update(sealed=second.sealed)
    SecretValue.objects.filter(pk=second.pk).update(sealed=first.sealed)
    for _ in range(2):
        for action in actions:
            with pytest.raises(Refusal) as refusal:
                admit(owner, Call(action.id, S))
            assert refusal.value.code == "key_unavailable"
    assert [inventory.one(owner.organization, secret.id).status for secret in secrets] == ["missing"] * 2
    changes = SecretChanges(values={S: Plaintext("entered-again")})
    for secret, action in zip(secrets, actions, strict=True):
        update_secret(actor=owner, secret_id=secret.id, changes=changes)
        assert admit(owner, Call(action.id, S)).run.outcome == "started"
    assert [inventory.one(owner.organization, secret.id).status for secret in secrets] == ["active"] * 2


def test_kind_that_sends_nothing_needs_no_address_and_no_domain(owner, monkeypatch):
    """What a kind computes for the caller itself goes nowhere."""
    store_secret(owner, allowed_domains=["api.example.com"])
    action = make_action(owner)
    monkeypatch.setattr("integrations.broker.preparation.routes_of", lambda _: [Route("", frozenset({"crm.apiKey"}))])
    admitted = admit(owner, Call(action.id, S))
    assert (admitted.run.host, set(admitted.secrets)) == ("", {"crm.apiKey"})
