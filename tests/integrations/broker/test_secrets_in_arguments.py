"""Guessing a value through an argument: refused before anything is sent, recorded, and the API key is suspended."""

import json

import pytest
from asgiref.sync import async_to_sync
from django.core import mail

from accounts.access.callers import PresentedKey
from accounts.access.suspension import lift_suspension
from accounts.common.environments import Environment
from accounts.errors import NotFound, PermissionDenied, Unauthenticated
from accounts.models import ApiKey, AuditEvent
from config.demo import upstream
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.errors import ArgumentContainsSecret, InvalidArguments
from integrations.models import Run
from tests.support.integrations.echoes import TOKEN, UUID, WORDS, WRITTEN
from tests.support.things import key_for, make_action, store_secret

S, P = Environment.STAGING, Environment.PRODUCTION
ECHO = {"type": "json", "content": '{"said": "{params.text}"}'}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen():
    """The requests that the upstream received; it echoes them."""
    return []


@pytest.fixture
def ask(owner, inline, seen):
    """Calls an action that sends `text` and a secret to the echo upstream, with an API key of its own."""
    with upstream.serving(0, seen.append) as port:
        base = f"http://127.0.0.1:{port}"

        def prepare(value=TOKEN, **config):
            store_secret(owner, "crm.key", value, [S], allow_short=True)
            return make_action(
                owner, uses="crm.key", base_url=base, method="POST", body=ECHO, parameters=TEXT, **config
            )

        def call(action, text, caller=None):
            caller = caller or call.key
            return async_to_sync(broker.run)(caller, Call(action.id, S, params={"text": text})).answer

        call.prepare, call.base, call.key = prepare, base, PresentedKey(key_for(owner), None)
        yield call


def refused(ask, action, text, caller=None):
    with pytest.raises(ArgumentContainsSecret) as refusal:
        ask(action, text, caller)
    assert (refusal.value.code, refusal.value.status) == ("argument_contains_secret", 422)
    assert TOKEN not in refusal.value.detail
    return refusal.value


def test_the_third_call_with_a_strong_value_suspends_the_key(owner, ask, seen):
    action = ask.prepare()
    assert ask(action, "no guess").status == 200
    for form in ("as it is", "base64"):
        refused(ask, action, WRITTEN[form](TOKEN))
    assert ApiKey.objects.get().suspended_at is None
    assert "suspended" in refused(ask, action, TOKEN.upper()).detail
    assert len(seen) == 1, "nothing was sent"
    with pytest.raises(Unauthenticated, match="suspended"):
        ask(action, "no guess")
    assert (
        list(Run.objects.order_by("started_at").values_list("outcome", "error_code"))[1:]
        == [("refused", "argument_contains_secret")] * 3
    )
    events = AuditEvent.objects.filter(event="integration.secret_in_arguments")
    assert [(event.outcome, event.data["secrets"]) for event in events] == [("refused", ["crm.key"])] * 3
    assert AuditEvent.objects.filter(event="api_key.suspended", target_id=ApiKey.objects.get().id).count() == 1
    assert TOKEN not in json.dumps([event.data for event in AuditEvent.objects.all()])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (TOKEN, TOKEN + " and many other guesses" * 60),
        (WORDS, WORDS.upper()),
        ("471100", ",".join(f"{pin:06}" for pin in range(471000, 471200))),
        ("471100", "471100"),
    ],
    ids=["a strong value among many guesses", "words", "a PIN among guesses", "a PIN"],
)
def test_the_first_right_guess_of_a_weak_value_is_the_last_one(owner, ask, seen, value, text):
    action = ask.prepare(value)
    refused(ask, action, text)
    assert ApiKey.objects.get().suspended_at is not None
    assert seen == []


def test_nobody_learns_a_pin_from_the_answers(owner, ask, seen):
    """What passes, wrong guesses, looks the same: the status alone."""
    action = ask.prepare("471100")
    answers = {ask(action, guess).body for guess in ("000000", "471101", "+494711005550", "4711 00")}
    assert (answers, len(seen)) == ({None}, 4)


def test_owners_are_told_by_mail(owner, ask, django_capture_on_commit_callbacks):
    action = ask.prepare(WORDS)
    with django_capture_on_commit_callbacks(execute=True):
        refused(ask, action, WORDS)
    (told,) = [message for message in mail.outbox if "secret's value" in message.subject]
    assert "is suspended" in told.body
    assert WORDS not in told.body


def test_a_value_of_another_run_to_the_same_host_counts_too(owner, ask, seen):
    action = ask.prepare()
    store_secret(owner, "other.key", UUID, [P])
    make_action(owner, "Another", uses="other.key", environments=[P], base_url=ask.base)
    refused(ask, action, UUID.replace("-", ""))
    assert AuditEvent.objects.get(event="integration.secret_in_arguments").data["secrets"] == ["other.key"]
    assert seen == []


def test_a_person_is_refused_and_recorded(owner, ask):
    action = ask.prepare()
    for _ in range(4):
        refused(ask, action, TOKEN, owner)
    assert AuditEvent.objects.filter(event="integration.secret_in_arguments").count() == 4


def test_arguments_are_limited_unless_the_action_takes_more(owner, ask):
    action = ask.prepare()
    with pytest.raises(InvalidArguments, match="larger than 65536 bytes"):
        ask(action, "a b " * 20_000)
    config = {"base_url": ask.base, "method": "POST", "body": ECHO, "parameters": TEXT, "max_argument_bytes": 200_000}
    assert ask(make_action(owner, "Large", uses="crm.key", **config), "a b " * 20_000).status == 200


@pytest.fixture
def suspended(owner, ask):
    action = ask.prepare(WORDS)
    refused(ask, action, WORDS)
    return action, ApiKey.objects.get()


def test_lifting_a_suspension_lets_the_key_call_again(owner, ask, suspended):
    action, key = suspended
    lift_suspension(actor=owner, key_id=key.id)
    lift_suspension(actor=owner, key_id=key.id)
    assert ask(action, "no guess").status == 200
    assert ApiKey.objects.get().secrets_in_arguments == 0
    assert AuditEvent.objects.filter(event="api_key.suspension_lifted").count() == 1


def test_who_may_not_lift_a_suspension(member, outsider, suspended):
    _, key = suspended
    with pytest.raises(PermissionDenied):
        lift_suspension(actor=member, key_id=key.id)
    with pytest.raises(NotFound):
        lift_suspension(actor=outsider, key_id=key.id)
    assert ApiKey.objects.get().suspended_at is not None
