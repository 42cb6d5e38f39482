"""SIP trunks against a real registrar, kamailio: the test over every transport, and signatures that it accepts."""

import socket

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker import broker
from integrations.broker.checking import check
from integrations.broker.preparation import Call
from integrations.egress import configuration
from integrations.models import Run
from integrations.rotation import rotation
from secrets_app.editing.secrets import create_secret
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.rotation import stage
from tests.peers.registrar import (
    ODD_PASSWORD,
    ODD_USER,
    PASSWORD,
    REALM,
    USER,
    Phone,
    registrar,
)
from tests.peers.tls_upstream import Authority
from tests.support.things import make_trunk, store_secret

pytestmark = [pytest.mark.kamailio, pytest.mark.django_db, pytest.mark.usefixtures("inline")]

S, P = Environment.STAGING, Environment.PRODUCTION
AUTHORITY = Authority.make()


def trunk_at(actor, port, **config):
    """A trunk that registers at the registrar on this port."""
    defaults = {"direction": "both", "host": REALM, "username": USER, "realm": REALM, "register": True}
    return make_trunk(actor, port=port, **(defaults | config))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("kamailio")
    AUTHORITY.serving(REALM, made)
    return made


@pytest.fixture(scope="module")
def server(folder):
    """The registrar that asks for MD5 with qop, also over TLS as `sip.test`."""
    with registrar(folder, certificate=folder / f"{REALM}.pem") as running:
        yield running


@pytest.fixture(autouse=True)
def names_and_roots(monkeypatch):
    """`sip.test` and `other.test` lead to loopback; the certificate's authority is trusted."""
    real = socket.getaddrinfo

    def looked_up(host, *args, **kwargs):
        return real("127.0.0.1" if host in {REALM, "other.test"} else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(configuration, "ssl_context", AUTHORITY.trusting)


def steps_of(actor, trunk, environment=S):
    steps = async_to_sync(check)(actor, trunk.id, environment)
    return [(step.name, step.outcome, step.code, step.detail) for step in steps]


ALIVE = ("options", "passed", None, "The server answers: 200 OK.")


def accepted(algorithm):
    return ("register", "passed", None, f"User name and password were accepted, with {algorithm}.")


REFUSED = ("register", "failed", "upstream_error", "User name or password was refused: 403 Forbidden.")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_the_check_signs_in(owner, server, transport):
    store_secret(owner, "sip.password", PASSWORD)
    trunk = trunk_at(owner, server.tls_port if transport == "tls" else server.port, transport=transport)
    assert steps_of(owner, trunk) == [ALIVE, accepted("MD5")]
    run = Run.objects.get()
    assert (run.operation, run.outcome, run.host, run.status) == ("check", "succeeded", REALM, None)
    assert [used.name for used in run.secrets.all()] == ["sip.password"]


def test_the_check_changes_no_registration(owner, server, folder):
    store_secret(owner, "sip.password", PASSWORD)
    trunk = trunk_at(owner, server.port)
    steps_of(owner, trunk)
    status, headers = register(owner, trunk, Phone(server.port))
    assert status == 200
    assert headers["contact"].count("<sip:") == 1  # the phone's own


@pytest.mark.parametrize(
    ("algorithm", "qop", "named"),
    [("SHA-256", True, "SHA-256"), ("MD5", False, "MD5")],
)
def test_the_check_signs_in_with_other_digests(owner, folder, algorithm, qop, named):
    store_secret(owner, "sip.password", PASSWORD)
    with registrar(folder, algorithm=algorithm, qop=qop) as other:
        assert steps_of(owner, trunk_at(owner, other.port)) == [ALIVE, accepted(named)]


def test_the_check_takes_the_value_of_its_environment(owner, server):
    values = {S: Plaintext("wrong-password"), P: Plaintext(PASSWORD)}
    create_secret(actor=owner, name="sip.password", values=values)
    trunk = trunk_at(owner, server.port, environments=(S, P))
    assert steps_of(owner, trunk, S) == [ALIVE, REFUSED]
    assert steps_of(owner, trunk, P) == [ALIVE, accepted("MD5")]


def test_quotes_and_backslashes_in_a_password(owner, server):
    store_secret(owner, "sip.password", ODD_PASSWORD)
    assert steps_of(owner, trunk_at(owner, server.port, username=ODD_USER)) == [ALIVE, accepted("MD5")]


def test_a_wrong_password_is_one_clear_message_and_a_record(owner, server):
    store_secret(owner, "sip.password", "wrong-password")
    assert steps_of(owner, trunk_at(owner, server.port)) == [ALIVE, REFUSED]
    assert Run.objects.get().outcome == "upstream_error"


def test_an_unknown_user_is_refused_like_a_wrong_password(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    step = steps_of(owner, trunk_at(owner, server.port, username="nobody"))[1]
    assert step[1:3] == ("failed", "upstream_error")
    assert step[3].startswith("User name or password was refused: 401")


def test_another_realm_is_not_answered(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    step = steps_of(owner, trunk_at(owner, server.port, realm="other.test"))[1]
    assert step[1:3] == ("failed", "upstream_error")
    sentence = "The challenge is for another realm than the trunk's. Its realm is “sip.test”."
    assert step[3] == f"Coffer did not answer the challenge. {sentence}"


def test_an_algorithm_that_is_not_allowed_is_not_answered(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    step = steps_of(owner, trunk_at(owner, server.port, algorithms=["SHA-256"]))[1]
    assert step[3] == "Coffer did not answer the challenge. The trunk does not allow MD5."


def test_the_check_tells_the_realm_where_it_is_not_known_yet(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    step = steps_of(owner, trunk_at(owner, server.port, realm=""))[1]
    assert step[3] == "User name and password were accepted, with MD5. Its realm is “sip.test”."


def test_a_trunk_by_address_registers_with_its_realm(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    assert steps_of(owner, trunk_at(owner, server.port, host="127.0.0.1")) == [ALIVE, accepted("MD5")]


def test_a_certificate_for_another_name_is_not_trusted(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    trunk = trunk_at(owner, server.tls_port, transport="tls", host="other.test")
    sentence = "other.test did not present a certificate that is trusted for this name."
    assert steps_of(owner, trunk) == [("request", "failed", "upstream_tls", sentence)]
    assert (Run.objects.get().outcome, Run.objects.get().error_code) == ("failed", "upstream_tls")


def sign(owner, trunk, challenge, method="REGISTER", uri=f"sip:{REALM}", **params):
    call = Call(trunk.id, S, "sign", {"method": method, "uri": uri, "challenge": challenge, **params})
    answer = async_to_sync(broker.run)(owner, call).answer
    assert answer.masked == []
    return answer.body


def register(owner, trunk, phone):
    """Register a phone that does not know the password."""
    status, headers = phone.send("REGISTER")
    assert status == 401
    signed = sign(owner, trunk, headers["www-authenticate"])
    assert signed["header"] == "Authorization"
    return phone.send("REGISTER", Authorization=signed["value"])


@pytest.mark.parametrize(("algorithm", "qop"), [("MD5", True), ("MD5", False), ("SHA-256", True)])
def test_a_media_server_registers_with_a_signature(owner, folder, algorithm, qop):
    store_secret(owner, "sip.password", PASSWORD)
    with registrar(folder, algorithm=algorithm, qop=qop) as other:
        status, headers = register(owner, trunk_at(owner, other.port), Phone(other.port))
    assert status == 200
    assert "expires=60" in headers["contact"]


def test_a_call_that_a_proxy_challenges_is_signed(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    trunk, phone = trunk_at(owner, server.port), Phone(server.port)
    uri = f"sip:+494055500100@{REALM}"
    status, headers = phone.send("INVITE", uri)
    assert status == 407
    signed = sign(owner, trunk, headers["proxy-authenticate"], "INVITE", uri, proxy=True)
    assert signed["header"] == "Proxy-Authorization"
    assert phone.send("INVITE", uri, Proxy_Authorization=signed["value"])[0] == 486


def test_one_nonce_is_signed_often_and_no_signature_serves_twice(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    trunk, phone = trunk_at(owner, server.port), Phone(server.port)
    challenge = phone.send("REGISTER")[1]["www-authenticate"]
    signatures = [sign(owner, trunk, challenge)["value"] for _ in range(3)]
    assert [phone.send("REGISTER", Authorization=each)[0] for each in signatures] == [200, 200, 200]
    assert phone.send("REGISTER", Authorization=signatures[0])[0] == 401


def test_a_signature_for_one_method_does_not_serve_another(owner, server):
    store_secret(owner, "sip.password", PASSWORD)
    trunk, phone = trunk_at(owner, server.port), Phone(server.port)
    challenge = phone.send("REGISTER")[1]["www-authenticate"]
    signed = sign(owner, trunk, challenge, "INVITE")
    assert phone.send("REGISTER", Authorization=signed["value"])[0] == 403


def test_rotation_tries_a_staged_password_on_the_registrar(owner, server):
    secret = store_secret(owner, "sip.password", "old-and-wrong")
    trunk_at(owner, server.port)
    outcomes = []
    for value in ("also-wrong-1", PASSWORD):
        stage(actor=owner, secret_id=secret.id, environment=S, value=Plaintext(value))
        _, (reference_check,) = async_to_sync(rotation.check)(owner, secret.id, S)
        outcomes.append((reference_check.result.outcome, reference_check.result.code))
    assert outcomes == [("failed", "upstream_error"), ("passed", None)]
