"""SIP trunks: what is signed and what is not, nonce counts, the ledger, and the test against servers of all kinds."""

import threading
import uuid

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from accounts.common.environments import Environment
from accounts.errors import Invalid, Refusal
from integrations.broker import nonces
from integrations.broker.checking import check
from integrations.editing.integrations import create_integration
from integrations.errors import RawCredential
from integrations.models import AnsweredNonce, Run
from integrations.readiness.warnings import warnings_for
from integrations.rotation import rotation
from integrations.sip import digest
from integrations.sip.digest import read_challenge, read_credentials
from integrations.transport import sip
from secrets_app.editing.secrets import create_secret
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.rotation import stage
from tests.peers.registrar import free_port
from tests.peers.sip import reply, sip_over_tcp, sip_over_udp
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION
PASSWORD = "s3cr3t-p@ss"
CHALLENGE = 'Digest realm="sip.test", nonce="n-1", qop="auth", algorithm={}'
MD5, SHA = CHALLENGE.format("MD5"), CHALLENGE.format("SHA-256")


def make_trunk(actor, *, environments=(S,), name="Primary trunk", **config):
    defaults = {
        "host": "sip.test",
        "transport": "udp",
        "username": "trunk1",
        "password": "{secrets.sip.password}",
        "realm": "sip.test",
    }
    config = {key: value for key, value in (defaults | config).items() if value is not None}
    return create_integration(actor=actor, kind="sip_trunk", name=name, environments=environments, config=config)


@pytest.fixture
def trunk(owner):
    store_secret(owner, "sip.password", PASSWORD)
    return make_trunk(owner)


def arguments(**changes):
    return {"method": "REGISTER", "uri": "sip:sip.test", "challenge": MD5} | changes


def is_right(value, challenge, password=PASSWORD, method="REGISTER", uri="sip:sip.test"):
    asked = read_challenge(challenge)
    ha1 = digest.secret_half(asked.algorithm, username="trunk1", realm=asked.realm, password=password)
    given = read_credentials(value)
    return digest.is_answered_by(asked, given, username="trunk1", ha1=ha1, method=method, uri=uri)


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
    store_secret(owner, "sip.user", "trunk1-is-me")
    with sip_over_udp(registrar_saying(ASKS, ("200 OK",))) as port:
        config = {"host": "127.0.0.1", "port": port, "register": True, "username": "{secrets.sip.user}"}
        made = make_trunk(owner, name="Other", **config)
        assert steps_of(owner, made)[1][1] == "passed"
    params = arguments(challenge=SHA, authorization=answer_of(SHA, username="trunk1-is-me"), **CALL)
    assert run(owner, made, S, "verify", params).answer.body == {"valid": True}


@pytest.mark.parametrize(("password", "uri"), [("trunk1", "sip:sip.test"), ("extension-7", "sip:extension-7@sip.test")])
def test_an_answer_that_would_show_the_password_is_not_given(owner, run, password, uri):
    store_secret(owner, "sip.password", password, allow_short=True)
    with pytest.raises(Refusal) as refusal:
        run(owner, make_trunk(owner), S, "sign", arguments(uri=uri))
    assert refusal.value.code == "invalid_header_value"
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
    "another method": ("method", "MESSAGE"),
    "method in lower case": ("method", "register"),
    "method with a line break": ("method", "REGISTER\r\nVia: x"),
    "not a truth": ("proxy", "yes"),
    "unknown": ("nc", "00000001"),
}


@pytest.mark.parametrize(("name", "value"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_pinned_is_refused_before_anything_is_opened(owner, run, trunk, monkeypatch, name, value):
    monkeypatch.setattr("secrets_app.sealing.resolver.open_values", None)
    with pytest.raises(Refusal) as refusal:
        run(owner, trunk, S, "sign", arguments(**{name: value}))
    assert refusal.value.code == "invalid_arguments"
    assert [error.field for error in refusal.value.errors] == [f"params.{name}"]
    assert "evil" not in refusal.value.detail + refusal.value.errors[0].message
    stored = Run.objects.get()
    assert (stored.operation, stored.outcome, stored.note) == ("sign", "refused", "")
    assert stored.error_code == "invalid_arguments"
    assert not AnsweredNonce.objects.exists()


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


# The test, against servers that are not kamailio


def steps_of(actor, trunk):
    return [(step.name, step.outcome, step.code, step.detail) for step in async_to_sync(check)(actor, trunk.id, S)]


@pytest.fixture
def tried(owner, inline, trunk):
    """The steps of the check of a registering trunk whose server answers as the test says."""

    def call(answer, serve=sip_over_udp, transport="udp", **config):
        with serve(answer) as port:
            made = make_trunk(
                owner, name="Tried", host="127.0.0.1", port=port, transport=transport, **({"register": True} | config)
            )
            return steps_of(owner, made)

    return call


def registrar_saying(*answers):
    """OPTIONS are answered with 200, the REGISTERs with these, one after the other: a status and more headers."""
    left = list(answers)

    def answer(request):
        if request.startswith(b"OPTIONS"):
            return [reply(request)]
        return [reply(request, *left.pop(0))]

    return answer


NO_REGISTRAR = "It takes no registrations (405 No): only a call can show that the password works."
ASKS = ("401 Unauthorized", f"WWW-Authenticate: {MD5}")
STALE = ("401 Unauthorized", f"WWW-Authenticate: {MD5.replace('n-1', 'n-2')}, stale=true")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([ASKS, ("200 OK",)], ("passed", None, "User name and password were accepted, with MD5.")),
        ([ASKS, STALE, ("200 OK",)], ("passed", None, "User name and password were accepted, with MD5.")),
        (
            [("407 Proxy", f"Proxy-Authenticate: {SHA}"), ("200 OK",)],
            ("passed", None, "User name and password were accepted, with SHA-256."),
        ),
        ([ASKS, ASKS], ("failed", "upstream_error", "User name or password was refused: 401 Unauthorized.")),
        ([ASKS, STALE, STALE], ("failed", "upstream_error", "User name or password was refused: 401 Unauthorized.")),
        ([ASKS, ("500 Oops",)], ("failed", "upstream_error", "It could not be registered with: 500 Oops.")),
        ([("404 Who",)], ("failed", "upstream_error", "It could not be registered with: 404 Who.")),
        ([("200 OK",)], ("not_checkable", None, "It let Coffer in without asking for a password.")),
        (
            [("405 No",)],
            (
                "not_checkable",
                None,
                "It takes no registrations (405 No): only a call can show that the password works.",
            ),
        ),
        (
            [("401 Unauthorized", 'WWW-Authenticate: Digest realm="sip.test"')],
            ("failed", "upstream_error", "It was not answered. A digest challenge names a realm and a nonce."),
        ),
    ],
)
def test_what_a_registrar_may_say(tried, answers, expected):
    assert tried(registrar_saying(*answers))[1][1:] == expected


def test_a_question_for_a_password_without_a_challenge_is_a_protocol_error(tried):
    assert tried(registrar_saying(("401 Unauthorized",)))[0][1:3] == ("failed", "response_unreadable")


@pytest.mark.parametrize("order", [1, -1])
def test_the_strongest_challenge_is_answered(tried, order):
    offers = [f"WWW-Authenticate: {text}" for text in (MD5, SHA, CHALLENGE.format("MD4"))][::order]
    step = tried(registrar_saying(("401 Unauthorized", *offers), ("200 OK",)))[1]
    assert step[3].endswith("with SHA-256.")


def test_nothing_that_a_hostile_server_asks_gets_an_answer(tried):
    seen = []

    def answer(request):
        seen.append(request)
        asks = "WWW-Authenticate: " + MD5.replace("sip.test", "evil.test")
        return [reply(request, "401 Unauthorized", asks) if b"REGISTER" in request else reply(request)]

    assert tried(answer)[1][1] == "failed"
    assert not any(b"Authorization:" in request for request in seen)


def test_the_check_asks_for_no_binding(tried):
    seen = []

    def answer(request):
        seen.append(request)
        return [reply(request)]

    tried(answer)
    assert [request.split(b" ")[0] for request in seen if request != b"stop"] == [b"OPTIONS", b"REGISTER"]
    assert not any(b"\r\nContact:" in request or b"\r\nm:" in request for request in seen)


def test_what_the_server_repeats_is_masked(tried, owner):
    ha1 = digest.secret_half("MD5", username="trunk1", realm="sip.test", password=PASSWORD)
    steps = tried(registrar_saying(ASKS, (f"403 {PASSWORD} {ha1[:40]}",)))
    assert steps[1][3] == "User name or password was refused: 403 [redacted] [redacted]."


def test_a_response_that_the_server_repeats_is_masked(tried):
    answer = registrar_saying(ASKS, ("403 x",))

    def repeating(request):
        sent = request.decode().partition('response="')[2].partition('"')[0]
        return [each.replace(b"403 x", f"403 {sent}".encode()) for each in answer(request)]

    assert tried(repeating)[1][3] == "User name or password was refused: 403 [redacted]."


def test_what_is_sent(tried):
    seen = []

    def answer(request):
        seen.append(request.decode().split("\r\n"))
        return [reply(request)]

    tried(answer, username="a b@c")
    options, register = seen
    assert options[0].startswith("OPTIONS sip:127.0.0.1:")
    assert options[0].endswith(";transport=udp SIP/2.0")
    assert register[0] == "REGISTER sip:sip.test SIP/2.0"
    named = [line for line in register if line.startswith(("From", "To", "CSeq", "Max-Forwards"))]
    assert [line.partition(";tag=")[0] for line in named] == [
        "Max-Forwards: 70",
        "From: <sip:a%20b%40c@sip.test>",
        "To: <sip:a%20b%40c@sip.test>",
        "CSeq: 1 REGISTER",
    ]


def test_a_value_too_short_to_be_cut_out_withholds_what_was_found(owner, inline):
    store_secret(owner, "sip.pin", "200", allow_short=True)
    with sip_over_udp(registrar_saying(ASKS, ("200 OK",))) as port:
        made = make_trunk(owner, host="127.0.0.1", port=port, register=True, password="{secrets.sip.pin}")
        (step,) = steps_of(owner, made)
    assert step == (
        "request",
        "passed",
        None,
        "What the check found is withheld: it holds a value, or something as short as one.",
    )


ALIVE = [("200 OK", "passed"), ("404 Not Found", "passed"), ("503 Unavailable", "failed"), ("408 Late", "failed")]


@pytest.mark.parametrize(("status", "outcome"), ALIVE)
def test_a_trunk_that_does_not_register_is_only_asked_whether_it_is_there(tried, status, outcome):
    seen = []

    def answer(request):
        seen.append(request)
        return [reply(request, status)]

    ((name, found, _, _),) = tried(answer, register=False)
    assert (name, found) == ("options", outcome)
    assert not Run.objects.get().secrets.exists()


BROKEN = {
    "not SIP": (lambda request: [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "response_unreadable"),
    "silent": (lambda request: [], "upstream_timeout"),
    "oversized": (lambda request: [b"SIP/2.0 200 OK\r\nContent-Length: 999999\r\n\r\n"], "response_too_large"),
}


@pytest.mark.parametrize(("answer", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_server_is_one_message_with_a_code_and_a_record(tried, monkeypatch, answer, code):
    monkeypatch.setattr(sip, "ANSWER_SECONDS", 0.3)

    ((name, outcome, found, detail),) = tried(answer, sip_over_tcp, "tcp")
    assert (name, outcome, found) == ("request", "failed", code)
    assert detail.startswith("127.0.0.1 ") or "of 127.0.0.1 " in detail
    assert (Run.objects.get().outcome, Run.objects.get().error_code) == ("failed", code)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_an_unreachable_server(owner, inline, trunk, transport):
    nobody = make_trunk(owner, name="Nobody", host="127.0.0.1", port=free_port(), transport=transport)
    assert steps_of(owner, nobody) == [("request", "failed", "upstream_unreachable", "127.0.0.1 could not be reached.")]


# Rotation


def rotated(owner, secret_id):
    stage(actor=owner, secret_id=secret_id, environment=S, value=Plaintext("the-next-password"))
    _, (reference_check,) = async_to_sync(rotation.check)(owner, secret_id, S)
    return reference_check.result.outcome, reference_check.result.detail


def test_a_staged_password_is_tried_by_signing_in(owner, inline):
    secret, seen = store_secret(owner, "sip.password", PASSWORD), []
    answer = registrar_saying(ASKS, ("200 OK",))

    def watched(request):
        seen.append(request.decode())
        return answer(request)

    with sip_over_udp(watched) as port:
        make_trunk(owner, host="127.0.0.1", port=port, register=True)
        outcome, _ = rotated(owner, secret.id)
    sent = seen[2].split("Authorization: ")[1].split("\r\n")[0]
    assert outcome == "passed"
    assert is_right(sent, MD5, "the-next-password")


def test_a_password_that_the_check_could_not_prove_did_not_pass(owner, inline):
    secret = store_secret(owner, "sip.password", PASSWORD)
    with sip_over_udp(registrar_saying(("405 No",))) as port:
        make_trunk(owner, host="127.0.0.1", port=port, register=True)
        outcome, detail = rotated(owner, secret.id)
    assert outcome == "not_checkable"
    assert "only a call can show that the password works" in detail


def test_a_trunk_that_does_not_register_cannot_try_a_password(owner, inline):
    secret = store_secret(owner, "sip.password", PASSWORD)
    make_trunk(owner, host="127.0.0.1", port=free_port())
    assert rotated(owner, secret.id) == ("not_checkable", "Its harmless check does not send this secret.")


# The configuration


def test_what_is_stored(owner, trunk):
    assert trunk.config == {
        "direction": "both",
        "host": "sip.test",
        "port": None,
        "transport": "udp",
        "username": "trunk1",
        "password": "{secrets.sip.password}",
        "realm": "sip.test",
        "register": False,
        "algorithms": ["SHA-512-256", "SHA-256", "MD5"],
        "numbers": [],
        "allowed_addresses": [],
        "media_encryption": "allowed",
    }
    assert [(ref.slot, ref.name) for ref in trunk.references.all()] == [("auth.password", "sip.password")]


@pytest.mark.parametrize(
    "config",
    [
        {"host": "93.184.215.14"},
        {"host": "2606:4700::1"},
        {"host": "[2606:4700::1]"},
        {"host": "pbx"},
        {"port": 15060},
        {"numbers": ["+49 40 5550 0100", "0800-123.456"], "allowed_addresses": ["192.0.2.1", "2001:db8::/32"]},
        {"username": None, "password": None, "direction": "outbound"},
        {"username": None, "password": None, "direction": "inbound", "allowed_addresses": ["192.0.2.0/24"]},
    ],
)
def test_trunks_that_can_be(owner, config):
    assert make_trunk(owner, **config).pk


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"host": ""}, "config.host"),
        ({"host": None}, "config.host"),
        ({"host": "sip:sip.test"}, "config.host"),
        ({"host": "sip.test:5060"}, "config.host"),
        ({"host": "user@sip.test"}, "config.host"),
        ({"host": "sip.test/x"}, "config.host"),
        ({"host": "sip.test;transport=tcp"}, "config.host"),
        ({"host": "{secrets.host}"}, "config.host"),
        ({"host": "127.1"}, "config.host"),
        ({"host": "10.0.0.1"}, "config.host"),
        ({"host": "169.254.169.254"}, "config.host"),
        ({"host": "[::1"}, "config.host"),
        ({"port": 0}, "config.port"),
        ({"port": 65536}, "config.port"),
        ({"port": "5060"}, "config.port"),
        ({"transport": "ws"}, "config.transport"),
        ({"direction": "sideways"}, "config.direction"),
        ({"username": "{params.user}"}, "config.username"),
        ({"username": "a\nb"}, "config.username"),
        ({"username": ""}, "config.username"),
        ({"password": ""}, "config.password"),
        ({"password": "{secrets.}"}, "config.password"),
        ({"password": "{{secrets.x}}"}, "config.password"),
        ({"username": "", "password": "", "register": True}, "config.username"),
        ({"realm": "{secrets.realm}"}, "config.realm"),
        ({"realm": "a\r\nb"}, "config.realm"),
        ({"register": "yes"}, "config.register"),
        ({"algorithms": []}, "config.algorithms"),
        ({"algorithms": ["MD4"]}, "config.algorithms[0]"),
        ({"algorithms": ["MD5", "MD5"]}, "config.algorithms"),
        ({"numbers": ["call me"]}, "config.numbers[0]"),
        ({"numbers": ["+49", "+49"]}, "config.numbers[1]"),
        ({"allowed_addresses": ["sip.test"]}, "config.allowed_addresses[0]"),
        ({"allowed_addresses": ["192.0.2.1/24"]}, "config.allowed_addresses[0]"),
        ({"allowed_addresses": ["0.0.0.0/0"]}, "config.allowed_addresses[0]"),
        ({"media_encryption": "maybe"}, "config.media_encryption"),
        ({"username": "", "password": ""}, "config.allowed_addresses"),
        ({"timeout_seconds": 5}, "config.timeout_seconds"),
    ],
)
def test_trunks_that_cannot_be(owner, config, field):
    with pytest.raises(Invalid) as refusal:
        make_trunk(owner, **config)
    assert field in [error.field for error in refusal.value.errors]
    assert all(error.message.endswith((".", "?", "”.")) for error in refusal.value.errors)


def test_a_password_that_is_typed_in_is_noticed(owner):
    with pytest.raises(RawCredential) as refusal:
        make_trunk(owner, password="kX9vQ2mT7bLw4zR8")
    assert [error.field for error in refusal.value.errors] == ["config.password"]


def test_an_action_takes_no_sip_address(owner):
    with pytest.raises(Invalid) as refusal:
        make_action(owner, uses="", base_url="sip://sip.test:5060")
    assert [error.field for error in refusal.value.errors] == ["config.base_url"]
