"""SIP trunks through the API: made, asked what they can do, tested and run, as docs/api.md describes it."""

import pytest

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import Integration
from integrations.sip.digest import nonce_hash, read_challenge, read_credentials, response_to, secret_half
from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.peers.registrar import Phone, free_port, registrar
from tests.peers.sip import reply, sip_over_udp
from tests.support.things import key_for, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

PASSWORD = "s3cr3t-p@ss"
CHALLENGE = 'Digest realm="sip.test", nonce="n-1", qop="auth", algorithm=SHA-256'
CONFIG = {
    "direction": "outbound",
    "host": "sip.test",
    "port": 5061,
    "transport": "tls",
    "username": "trunk1",
    "password": "{secrets.sip.password}",
    "realm": "sip.test",
    "empty_realm": False,
    "sign_hosts": [],
    "register": True,
    "algorithms": ["SHA-256"],
    "numbers": ["+49 40 5550 0100"],
    "allowed_addresses": ["192.0.2.0/24"],
    "media_encryption": "required",
}


def body(**config):
    return {"kind": "sip_trunk", "name": "Primary trunk", "environments": ["staging"], "config": CONFIG | config}


@pytest.fixture
def trunk(caller, owner):
    """The path of one."""
    store_secret(owner, "sip.password", PASSWORD)
    return f"/integrations/{caller.post('/integrations', body())['id']}"


def run(caller, trunk, operation, **params):
    return caller.post(f"{trunk}/run", {"environment": "staging", "operation": operation, "params": params})


def test_create_and_read(caller, trunk):
    found = caller.get(trunk)
    assert (found["kind"], found["config"], found["warnings"]) == ("sip_trunk", CONFIG, [])
    (reference,) = found["references"]
    assert (reference["slot"], reference["name"], reference["exists"]) == ("auth.password", "sip.password", True)


def test_a_change_of_the_host_is_judged(caller, owner, trunk):
    assert caller.errors("PATCH", trunk, {"config": CONFIG | {"host": "10.0.0.1"}}) == ["config.host"]
    secret = Secret.objects.get()
    values = dict.fromkeys((environment.value for environment in Environment), PASSWORD)
    caller.patch(f"/secrets/{secret.id}", {"allowed_domains": ["sip.test"], "values": values})
    changed = caller.patch(trunk, {"config": CONFIG | {"host": "other.test"}})
    assert [warning["code"] for warning in changed["warnings"]] == ["domain_not_allowed"]


def test_operations(caller, trunk):
    sign, verify = caller.get(f"{trunk}/operations")["items"]
    assert (sign["name"], sign["read_only"], verify["name"], verify["read_only"]) == ("sign", False, "verify", True)
    assert list(sign["parameters"]["properties"]) == ["method", "uri", "challenge", "proxy"]
    assert sign["parameters"]["required"] == ["method", "uri", "challenge"]
    assert list(verify["parameters"]["properties"]) == ["method", "uri", "challenge", "authorization"]
    assert verify["parameters"]["required"] == ["method", "uri", "challenge", "authorization"]


def test_a_trunk_without_a_password_signs_nothing(caller):
    trunk = caller.post("/integrations", body(username="", password="", register=False))
    assert caller.get(f"/integrations/{trunk['id']}/operations") == {"items": [], "next_cursor": None}


def test_sign_and_verify(caller, trunk):
    signed = run(caller, trunk, "sign", method="INVITE", uri="sip:a@sip.test", challenge=CHALLENGE, proxy=True)
    assert (signed["outcome"], signed["status"], signed["headers"], signed["masked"]) == ("succeeded", None, [], [])
    assert signed["body"]["header"] == "Proxy-Authorization"
    given = read_credentials(signed["body"]["value"])
    ha1 = secret_half("SHA-256", username="trunk1", realm="sip.test", password=PASSWORD)
    parts = {"method": "INVITE", "uri": "sip:a@sip.test", "count": given.count, "cnonce": given.cnonce}
    assert given.response == response_to(read_challenge(CHALLENGE), ha1=ha1, **parts)
    about = {"method": "INVITE", "uri": "sip:a@sip.test", "challenge": CHALLENGE}
    for value, valid in ((signed["body"]["value"], True), (signed["body"]["value"].replace("a@", "b@"), False)):
        assert run(caller, trunk, "verify", **about, authorization=value)["body"] == {"valid": valid}


def test_the_ledger_says_what_was_signed_and_never_the_response(caller, trunk):
    signed = run(caller, trunk, "sign", method="REGISTER", uri="sip:sip.test", challenge=CHALLENGE)
    answer = caller.call("GET", "/runs")
    (entry,) = answer.json()["items"]
    assert entry["note"] == f"REGISTER, nonce {nonce_hash('n-1')[:16]}, SHA-256, sip.test"
    assert (entry["operation"], entry["outcome"], entry["host"]) == ("sign", "succeeded", "sip.test")
    assert entry["caller"] == "API key agent"
    assert read_credentials(signed["body"]["value"]).response not in answer.content.decode()


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"challenge": CHALLENGE.replace("sip.test", "evil.test")}, "params.challenge"),
        ({"challenge": CHALLENGE.replace("SHA-256", "MD5")}, "params.challenge"),
        ({"uri": "sip:evil.test"}, "params.uri"),
        ({"method": "CANCEL"}, "params.method"),
    ],
)
def test_what_is_not_signed(caller, trunk, params, field):
    arguments = {"method": "REGISTER", "uri": "sip:sip.test", "challenge": CHALLENGE} | params
    call = {"environment": "staging", "operation": "sign", "params": arguments}
    assert caller.problem("POST", f"{trunk}/run", call) == (422, "invalid_arguments")
    assert caller.errors("POST", f"{trunk}/run", call) == [field]
    assert caller.get("/runs")["items"][0]["outcome"] == "refused"


def test_who_may_sign(caller, stranger, owner, trunk):
    call = {
        "environment": "staging",
        "operation": "sign",
        "params": {"method": "REGISTER", "uri": "sip:sip.test", "challenge": CHALLENGE},
    }
    assert stranger.problem("POST", f"{trunk}/run", call) == (404, "not_found")
    reader = Caller(key_for(owner, Scope.INTEGRATIONS_READ))
    assert reader.problem("POST", f"{trunk}/run", call) == (403, "permission_denied")
    elsewhere = Caller(key_for(owner, environments=[Environment.PRODUCTION]))
    assert elsewhere.problem("POST", f"{trunk}/run", call) == (403, "permission_denied")


def test_the_check(caller, owner):
    store_secret(owner, "sip.password", PASSWORD)
    answers = iter([["200 OK"], ["401 No", f"WWW-Authenticate: {CHALLENGE}"], ["403 Forbidden"]])
    with sip_over_udp(lambda request: [reply(request, *next(answers))]) as port:
        trunk = caller.post("/integrations", body(host="127.0.0.1", port=port, transport="udp"))
        found = caller.post(f"/integrations/{trunk['id']}/test", {"environment": "staging"})
    assert found == {
        "ok": False,
        "steps": [
            {"name": "options", "outcome": "passed", "code": None, "detail": "The server answers: 200 OK."},
            {
                "name": "register",
                "outcome": "failed",
                "code": "upstream_error",
                "detail": "User name or password was refused: 403 Forbidden.",
            },
        ],
    }


@pytest.mark.kamailio
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_made_tried_and_run_against_a_registrar(caller, owner, tmp_path, algorithm):
    store_secret(owner, "sip.password", PASSWORD)
    with registrar(tmp_path, algorithm=algorithm) as server:
        config = {"host": "127.0.0.1", "port": server.port, "transport": "udp", "algorithms": [algorithm]}
        trunk = f"/integrations/{caller.post('/integrations', body(**config))['id']}"
        assert caller.post(f"{trunk}/test", {"environment": "staging"})["ok"] is True
        phone = Phone(server.port)
        challenge = phone.send("REGISTER")[1]["www-authenticate"]
        signed = run(caller, trunk, "sign", method="REGISTER", uri="sip:sip.test", challenge=challenge)
        assert phone.send("REGISTER", **{signed["body"]["header"]: signed["body"]["value"]})[0] == 200
    assert [entry["outcome"] for entry in caller.get("/runs")["items"]] == ["succeeded", "succeeded"]


def test_the_check_of_an_unreachable_server(caller, owner):
    store_secret(owner, "sip.password", PASSWORD)
    trunk = caller.post("/integrations", body(host="127.0.0.1", port=free_port(), transport="tcp"))
    found = caller.post(f"/integrations/{trunk['id']}/test", {"environment": "staging"})
    assert [(step["outcome"], step["code"]) for step in found["steps"]] == [("failed", "upstream_unreachable")]
    assert caller.get("/runs")["items"][0]["code"] == "upstream_unreachable"


def test_readiness_and_search(caller, owner, trunk):
    (ready,) = caller.get("/readiness?environment=staging")["items"]
    assert ready["ready"] is True
    for words, expected in (("sip.tes", 1), ("nothing-has-this", 0)):
        assert len(caller.get(f"/integrations?q={words}")["items"]) == expected
    assert Integration.objects.count() == 1


@pytest.mark.parametrize(
    ("config", "field"),
    [({"host": "sip:sip.test"}, "config.host"), ({"port": 70000}, "config.port"), ({"extra": 1}, "config.extra")],
)
def test_what_cannot_be_made(caller, config, field):
    assert caller.errors("POST", "/integrations", body(**config)) == [field]
