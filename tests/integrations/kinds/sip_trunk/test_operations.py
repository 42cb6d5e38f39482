"""SIP trunks: what is signed and what is not, nonce counts, the ledger, and the test against servers of all kinds."""

import threading
import uuid

import pytest
from django.db import connection

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.broker.memory import nonces
from integrations.models import AnsweredNonce, Run
from integrations.readiness.warnings import warnings_for
from integrations.sip import digest
from integrations.sip.digest import read_challenge, read_credentials
from secrets_app.editing.secrets import create_secret
from secrets_app.plaintext import Plaintext
from tests.peers.sip import sip_over_udp
from tests.support.databases.undone import failures
from tests.support.integrations.trunks import ASKS, CHALLENGE, MD5, PASSWORD, SHA, is_right, registrar_saying, steps_of
from tests.support.things import make_trunk, store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION


def arguments(**changes):
    return {"method": "REGISTER", "uri": "sip:sip.test", "challenge": MD5} | changes


# What is signed


@pytest.mark.parametrize("challenge", [MD5, SHA, 'Digest realm="sip.test", nonce="n-1"'])
@pytest.mark.parametrize(
    ("changes", "header"),
    [({}, "Authorization"), ({"proxy": False}, "Authorization"), ({"proxy": True}, "Proxy-Authorization")],
)
def test_a_challenge_is_answered(owner, run, trunk, challenge, changes, header):
    result = run(owner, trunk, S, "sign", arguments(challenge=challenge, **changes))
    answer = result.as_json()
    assert (answer["outcome"], answer["status"], answer["body_type"]) == ("succeeded", None, "json")
    assert answer["masked"] == []
    assert set(answer["body"]) == {"header", "value"}
    assert answer["body"]["header"] == header
    assert is_right(answer["body"]["value"], challenge)


def test_the_value_of_the_environment_signs(owner, run):
    create_secret(actor=owner, name="sip.password", values={S: Plaintext("staging-1"), P: Plaintext("production-1")})
    trunk = make_trunk(owner, environments=(S, P))
    for environment, password in ((S, "staging-1"), (P, "production-1")):
        value = run(owner, trunk, environment, "sign", arguments()).answer.body["value"]
        assert is_right(value, MD5, password)


def test_a_user_name_that_is_a_secret_is_not_shown(owner, run, trunk):
    store_secret(owner, "sip.user", "secret-user-1")
    other = make_trunk(owner, name="Other", username="{secrets.sip.user}")
    with pytest.raises(Refusal) as refusal:
        run(owner, other, S, "sign", arguments())
    assert "The user name of the trunk is a secret" in refusal.value.errors[0].message


def test_a_user_name_that_is_a_secret_signs_in_and_is_checked(owner, inline, run, trunk):
    store_secret(owner, "sip.user", "trunk1-is-me", is_identifier=True)
    with sip_over_udp(registrar_saying(ASKS, ("200 OK",))) as port:
        config = {"host": "127.0.0.1", "port": port, "register": True, "username": "{secrets.sip.user}"}
        made = make_trunk(owner, name="Other", **config)
        assert steps_of(owner, made)[1][1] == "passed"
    params = arguments(challenge=SHA, authorization=answer_of(SHA, username="trunk1-is-me"), **CALL)
    assert run(owner, made, S, "verify", params).answer.body == {"valid": True}


@pytest.mark.parametrize(
    ("password", "uri", "code"),
    [
        ("trunk1", "sip:sip.test", "invalid_header_value"),
        ("extension-7", "sip:extension-7@sip.test", "argument_contains_secret"),
    ],
)
def test_an_answer_that_would_show_the_password_is_not_given(owner, run, password, uri, code):
    store_secret(owner, "sip.password", password, allow_short=True)
    with pytest.raises(Refusal) as refusal:
        run(owner, make_trunk(owner), S, "sign", arguments(uri=uri))
    assert refusal.value.code == code
    assert password not in refusal.value.detail
    assert Run.objects.get().outcome == "refused"


def test_every_answer_has_the_next_count_and_a_client_nonce_of_its_own(owner, run, trunk):
    found = [read_credentials(run(owner, trunk, S, "sign", arguments()).answer.body["value"]) for _ in range(3)]
    assert [credentials.count for credentials in found] == ["00000001", "00000002", "00000003"]
    assert len({credentials.cnonce for credentials in found}) == 3
    other = run(owner, trunk, S, "sign", arguments(challenge=MD5.replace("n-1", "n-2"))).answer.body["value"]
    assert read_credentials(other).count == "00000001"


def test_a_nonce_is_counted_for_each_trunk_and_kept_as_a_hash(owner, run, trunk):
    for integration in (trunk, make_trunk(owner, name="Other")):
        value = run(owner, integration, S, "sign", arguments()).answer.body["value"]
        assert read_credentials(value).count == "00000001"
    assert set(AnsweredNonce.objects.values_list("nonce_hash", "count")) == {(digest.nonce_hash("n-1"), 1)}
    assert "n-1" not in str(list(AnsweredNonce.objects.values()))


def test_a_signature_is_a_run_that_says_what_was_signed(owner, run, trunk):
    params = arguments(method="INVITE", uri="sip:+494055500100@SIP.test:5060;transport=tcp", challenge=SHA)
    result = run(owner, trunk, S, "sign", params)
    stored = Run.objects.get()
    assert (stored.operation, stored.outcome, stored.host) == ("sign", "succeeded", "sip.test")
    assert stored.caller == owner.label
    assert stored.note == f"INVITE, nonce {digest.nonce_hash('n-1')[:16]}, SHA-256, sip.test"
    assert [used.name for used in stored.secrets.all()] == ["sip.password"]
    kept = str(Run.objects.values().get())
    signed = read_credentials(result.answer.body["value"])
    assert not [text for text in (signed.response, signed.cnonce, PASSWORD, "n-1", "4940555") if text in kept]


# What is not signed

HOSTILE = {
    "another realm": ("challenge", MD5.replace("sip.test", "evil.test")),
    "another algorithm": ("challenge", CHALLENGE.format("MD5-sess")),
    "unknown qop": ("challenge", MD5.replace('"auth"', '"magic"')),
    "twice": ("challenge", MD5 + ', realm="sip.test"'),
    "line break": ("challenge", MD5 + "\r\nVia: x"),
    "oversized": ("challenge", MD5 + ', opaque="' + "x" * 3000 + '"'),
    "not digest": ("challenge", 'Basic realm="sip.test"'),
    "empty": ("challenge", ""),
    "another host": ("uri", "sip:evil.test"),
    "another host with user": ("uri", "sip:sip.test@evil.test"),
    "maddr": ("uri", "sip:sip.test;maddr=192.0.2.1"),
    "header part": ("uri", "sip:sip.test?Contact=x"),
    "line break in the URI": ("uri", "sip:sip.test\r\nVia: x"),
    "a longer name": ("uri", "sip:sip.test.evil.test"),
    "no URI": ("uri", "sip.test"),
    "another method": ("method", "CANCEL"),
    "method in lower case": ("method", "register"),
    "method with a line break": ("method", "REGISTER\r\nVia: x"),
    "not a truth": ("proxy", "yes"),
    "unknown": ("nc", "00000001"),
}


def test_what_is_pinned_is_refused_before_anything_is_opened(owner, run, trunk, monkeypatch):
    monkeypatch.setattr("secrets_app.sealing.resolver.open_values", None)

    def attempt(case):
        name, value = HOSTILE[case]
        with pytest.raises(Refusal) as refusal:
            run(owner, trunk, S, "sign", arguments(**{name: value}))
        assert refusal.value.code == "invalid_arguments"
        assert [error.field for error in refusal.value.errors] == [f"params.{name}"]
        assert "evil" not in refusal.value.detail + refusal.value.errors[0].message
        stored = Run.objects.get()
        assert (stored.operation, stored.outcome, stored.note) == ("sign", "refused", "")
        assert stored.error_code == "invalid_arguments"
        assert not AnsweredNonce.objects.exists()

    assert failures(HOSTILE, attempt) == {}


def test_an_algorithm_that_the_trunk_does_not_allow(owner, run, trunk):
    strict = make_trunk(owner, name="Strict", algorithms=["SHA-256"])
    assert run(owner, strict, S, "sign", arguments(challenge=SHA)).answer.succeeded
    with pytest.raises(Refusal) as refusal:
        run(owner, strict, S, "sign", arguments())
    assert [error.message for error in refusal.value.errors] == ["The trunk does not allow MD5."]


def test_without_a_realm_nothing_is_signed(owner, run, trunk):
    open_ended = make_trunk(owner, name="New", realm="")
    with pytest.raises(Refusal) as refusal:
        run(owner, open_ended, S, "sign", arguments())
    assert refusal.value.code == "invalid_arguments"
    assert "has no realm" in refusal.value.errors[0].message


def test_a_trunk_by_address_signs_for_its_realm_and_its_address(owner, run, trunk):
    numbered = make_trunk(owner, name="Numbered", host="127.0.0.1")
    for uri in ("sip:sip.test", "sip:a@127.0.0.1:5060"):
        assert run(owner, numbered, S, "sign", arguments(uri=uri)).answer.succeeded


def test_a_realm_that_is_no_host_is_no_host(owner, run, trunk):
    quoted = make_trunk(owner, name="Quoted", realm='The "best" carrier')
    challenge = 'Digest realm="The \\"best\\" carrier", nonce="n"'
    value = run(owner, quoted, S, "sign", arguments(challenge=challenge)).answer.body["value"]
    assert is_right(value, challenge)
    assert 'realm="The \\"best\\" carrier"' in value


def test_a_control_character_in_a_value_is_refused(owner, run):
    store_secret(owner, "sip.password", "line\r\nbreak-1")
    with pytest.raises(Refusal) as refusal:
        run(owner, make_trunk(owner), S, "sign", arguments())
    assert refusal.value.code == "invalid_header_value"
    assert "break-1" not in refusal.value.detail


def test_the_allowed_domains_are_judged_by_the_host_of_the_trunk(owner, run):
    store_secret(owner, "sip.password", PASSWORD, allowed_domains=["other.test"])
    trunk = make_trunk(owner)
    assert [warning.code for warning in warnings_for(trunk)] == ["domain_not_allowed"]
    for operation, params in (("sign", arguments()), ("verify", arguments(authorization=answer_of(MD5)))):
        with pytest.raises(Refusal) as refusal:
            run(owner, trunk, S, operation, params)
        assert refusal.value.code == "domain_not_allowed"


# Checking answers


def answer_of(challenge, *, username="trunk1", password=PASSWORD, method="INVITE", uri="sip:us@media.test"):
    asked = read_challenge(challenge)
    ha1 = digest.secret_half(asked.algorithm, username=username, realm=asked.realm, password=password)
    return digest.authorization(asked, username=username, ha1=ha1, method=method, uri=uri, count=1, cnonce="c")


CALL = {"method": "INVITE", "uri": "sip:us@media.test"}


@pytest.mark.parametrize("challenge", [MD5, SHA, 'Digest realm="sip.test", nonce="n-1"'])
def test_a_true_answer_is_valid(owner, run, trunk, challenge):
    result = run(owner, trunk, S, "verify", arguments(challenge=challenge, authorization=answer_of(challenge), **CALL))
    assert result.answer.body == {"valid": True}
    assert Run.objects.get().note.startswith("INVITE, nonce ")


@pytest.mark.parametrize(
    "changes",
    [{"username": "eve"}, {"password": "wrong-password"}, {"method": "BYE"}, {"uri": "sip:eve@media.test"}],
)
def test_any_other_answer_is_not(owner, run, trunk, changes):
    params = arguments(challenge=SHA, authorization=answer_of(SHA, **changes), **CALL)
    assert run(owner, trunk, S, "verify", params).answer.body == {"valid": False}


def test_an_answer_to_another_nonce_is_not(owner, run, trunk):
    params = arguments(challenge=SHA, authorization=answer_of(SHA.replace("n-1", "n-2")), **CALL)
    assert run(owner, trunk, S, "verify", params).answer.body == {"valid": False}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "Digest x"),
        ("authorization", answer_of(MD5) + ', nonce="n-1"'),
        ("authorization", answer_of(MD5) + "\r\nVia: x"),
        ("authorization", answer_of(MD5).replace("qop=auth", "qop=auth-int")),
        ("authorization", "x" * 3000),
        ("challenge", MD5.replace("sip.test", "evil.test")),
        ("uri", "sip:us@media.test?x=y"),
    ],
)
def test_what_cannot_be_read_is_refused(owner, run, trunk, name, value):
    params = arguments(**CALL, authorization=answer_of(MD5)) | {name: value}
    with pytest.raises(Refusal) as refusal:
        run(owner, trunk, S, "verify", params)
    assert [error.field for error in refusal.value.errors] == [f"params.{name}"]


# Nonce counts


@pytest.mark.django_db(transaction=True)
def test_no_count_is_given_twice_to_threads():
    integration, found, threads = uuid.uuid4(), [], 8
    ready = threading.Barrier(threads)

    def count():
        ready.wait(timeout=10)
        found.extend(nonces.count_answer(integration, "n-1") for _ in range(5))
        connection.close()

    workers = [threading.Thread(target=count) for _ in range(threads)]
    [worker.start() for worker in workers]
    [worker.join(timeout=60) for worker in workers]
    assert sorted(found) == list(range(1, 5 * threads + 1))


def test_old_nonces_are_forgotten():
    nonces.count_answer(uuid.uuid4(), "new")
    nonces.count_answer(uuid.uuid4(), "old")
    old = AnsweredNonce.objects.filter(nonce_hash=digest.nonce_hash("old"))
    old.update(last_used_at=old.get().last_used_at - nonces.KEPT * 2)
    assert nonces.forget_old() == 1
    assert AnsweredNonce.objects.get().nonce_hash == digest.nonce_hash("new")
