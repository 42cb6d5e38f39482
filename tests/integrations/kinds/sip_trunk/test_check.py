"""The test of a SIP trunk and the check of a staged password, against servers that are not kamailio."""

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.models import Run
from integrations.rotation import rotation
from integrations.sip import digest
from integrations.transport import sip
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.rotation import stage
from tests.peers.registrar import free_port
from tests.peers.sip import reply, sip_over_tcp, sip_over_udp
from tests.support.integrations.trunks import ASKS, CHALLENGE, MD5, PASSWORD, SHA, is_right, registrar_saying, steps_of
from tests.support.things import make_trunk, store_secret

pytestmark = pytest.mark.django_db
S, P = Environment.STAGING, Environment.PRODUCTION


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
        ([ASKS, ("500 Oops",)], ("failed", "upstream_error", "The registration failed: 500 Oops.")),
        ([("404 Who",)], ("failed", "upstream_error", "The registration failed: 404 Who.")),
        ([("200 OK",)], ("not_checkable", None, "The server accepted Coffer without a password.")),
        (
            [("405 No",)],
            (
                "not_checkable",
                None,
                "The server accepts no registrations (405 No): only a call can show that the password works.",
            ),
        ),
        (
            [("401 Unauthorized", 'WWW-Authenticate: Digest realm="sip.test"')],
            (
                "failed",
                "upstream_error",
                "Coffer did not answer the challenge. A digest challenge names a realm and a nonce.",
            ),
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
        "The result of the check is withheld because it contains a value, or a text as short as a value.",
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
    monkeypatch.setattr(sip, "RESPONSE_SECONDS", 0.3)

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
