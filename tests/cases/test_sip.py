"""SIP trunks: cases of public bug reports, through the API; the check against peers that do as the report says."""

from itertools import count

import pytest

from integrations.kinds.sip_trunk import check
from integrations.sip.digest import read_credentials
from integrations.transport import sip
from tests.peers.sip import reply, sip_over_tcp, sip_over_udp
from tests.support.integrations.trunks import CHALLENGE, MD5, PASSWORD, SHA, is_right, registrar_saying
from tests.support.things import store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("inline")]

BASIC, AKA = 'Basic realm="sip.test"', CHALLENGE.format("AKAv1-MD5")
HOSTS = ["198.51.100.7", "edge.sip.test", "2001:db8::7"]


@pytest.fixture
def trunk(caller, owner):
    """Creates a trunk with this configuration; returns its path."""
    store_secret(owner, "sip.password", PASSWORD)
    numbers = count()

    def create(**config):
        config = {"host": "sip.test", "username": "trunk1", "realm": "sip.test", **config}
        body = {
            "kind": "sip_trunk",
            "name": f"Case {next(numbers)}",
            "environments": ["staging"],
            "config": {"password": "{secrets.sip.password}", **config},
        }
        return f"/integrations/{caller.post('/integrations', body)['id']}"

    return create


@pytest.fixture
def sign(caller, trunk):
    """Signs with a new trunk; returns the answer of the API."""

    def call(challenge=MD5, *, method="REGISTER", uri="sip:sip.test", operation="sign", more=None, **config):
        params = {"method": method, "uri": uri, "challenge": challenge, **(more or {})}
        body = {"environment": "staging", "operation": operation, "params": params}
        return caller.call("POST", f"{trunk(**config)}/run", body).json()

    return call


# Challenges

ALONE = {
    "S01-qop-list": 'Digest realm="sip.test", nonce="n", qop="auth,auth-int"',
    "S01-qop-list-with-blank": 'Digest realm="sip.test", nonce="n", qop="auth-int, auth"',
    "S03-scheme": 'DIGEST realm="sip.test", nonce="abc123"',
    "S06-opaque": 'Digest realm="sip.test",nonce="n",opaque="",stale=FALSE,qop="auth"',
    "S08-nonce": 'Digest realm="sip.test", nonce="MTQ+/w==", domain="sip:sip.test"',
    "S14-quoted-algorithm": 'Digest realm="sip.test", nonce="n", algorithm="md5", qop=auth',
    "S14-unquoted-algorithm": 'Digest realm="sip.test", nonce="n", algorithm=md5',
}


@pytest.mark.parametrize("challenge", ALONE.values(), ids=ALONE)
def test_a_challenge_as_servers_write_it_is_answered(sign, challenge):
    value = sign(challenge)["body"]["value"]
    assert is_right(value, challenge)
    assert ('opaque=""' in value) is ("opaque" in challenge)


SEVERAL = {
    "S24-list": ([MD5, SHA], SHA),
    "S24-list-turned": ([SHA, MD5], SHA),
    "S24-list-of-one": ([SHA], SHA),
    "S24-joined": (f"{MD5}, {SHA}", SHA),
    "S24-joined-without-blank": (f"{SHA},{MD5}", SHA),
    "S24-lists-in-a-list": ([f"{MD5}, {BASIC}", f"Negotiate, {SHA}"], SHA),
    "S24-others-are-passed-over": ([AKA, BASIC, "Negotiate", CHALLENGE.format("MD5-sess"), MD5], MD5),
    "S24-another-realm-is-passed-over": ([SHA.replace("sip.test", "evil.test"), MD5], MD5),
    "S24-one-that-cannot-be-read": (['Digest realm="sip.test"', MD5], MD5),
}


@pytest.mark.parametrize(("challenges", "answered"), SEVERAL.values(), ids=SEVERAL)
def test_the_strongest_challenge_is_answered(sign, challenges, answered):
    value = sign(challenges)["body"]["value"]
    assert is_right(value, answered)
    assert f"algorithm={'SHA-256' if answered == SHA else 'MD5'}" in value


def test_s24_the_strongest_that_the_trunk_allows(sign):
    assert read_credentials(sign([SHA, MD5], algorithms=["MD5"])["body"]["value"]).algorithm == "MD5"


NOT_ANSWERED = {
    "S24-none-allowed": (
        [SHA, AKA],
        "The trunk does not allow SHA-256. The algorithm is not supported. Supported are: SHA-512-256, SHA-256, MD5.",
    ),
    "S24-another-realm": ([MD5.replace("sip.test", "evil.test")], "The challenge is for another realm"),
    "S24-no-digest": (["Negotiate", BASIC], "This is not digest authentication"),
    "S24-too-many": (", ".join([MD5] * 17), "Give at most 16 challenges."),
    "S24-empty-list": ([], "Give at least 1 entries."),
    "S24-empty": ([""], "This is not digest authentication"),
    "S24-not-texts": ([1], "Give a value of type string."),
}


@pytest.mark.parametrize(("challenge", "sentence"), NOT_ANSWERED.values(), ids=NOT_ANSWERED)
def test_a_list_without_a_usable_challenge_says_why(sign, challenge, sentence):
    (error,) = sign(challenge, algorithms=["MD5"])["errors"]
    assert error["message"].startswith(sentence)
    assert "evil" not in error["message"]


@pytest.mark.parametrize("challenge", [[SHA, MD5], f"{MD5}, {SHA}"])
def test_s24_an_answer_to_any_of_several_challenges_is_verified(sign, challenge):
    for asked in (MD5, SHA):
        value = sign(asked)["body"]["value"]
        assert sign(challenge, operation="verify", more={"authorization": value})["body"] == {"valid": True}
    other = sign(MD5.replace("n-1", "n-2"))["body"]["value"]
    assert sign(challenge, operation="verify", more={"authorization": other})["body"] == {"valid": False}


def test_s42_one_nonce_and_several_requests(caller, trunk):
    path, body = trunk(), {"method": "INVITE", "uri": "sip:a@sip.test", "challenge": [MD5, SHA]}
    run = {"environment": "staging", "operation": "sign", "params": body}
    values = [caller.post(f"{path}/run", run)["body"]["value"] for _ in range(2)]
    assert [read_credentials(value).count for value in values] == ["00000001", "00000002"]


# Realms

EMPTY = 'Digest realm="", nonce="n-1", qop="auth"'


def test_s11_an_empty_realm_is_signed_where_the_trunk_says_so(sign):
    assert is_right(sign(EMPTY, realm="", empty_realm=True)["body"]["value"], EMPTY)
    for config, challenge, sentence in (
        ({"realm": ""}, EMPTY, "empty_realm"),
        ({"realm": "", "empty_realm": True}, MD5, "The challenge is for another realm than the trunk's."),
        ({}, EMPTY, "The challenge is for another realm than the trunk's."),
    ):
        assert sentence in sign(challenge, **config)["errors"][0]["message"]


def test_s19_the_realm_is_not_the_domain(sign):
    challenge = MD5.replace("sip.test", "sip-1.pb")
    assert is_right(sign(challenge, realm="sip-1.pb")["body"]["value"], challenge)


# URIs and methods

LONG = "sip:+494055500100@sip.test;user=phone;gr=urn:uuid:" + "0" * 900
SIGNED_FOR = {
    "S17-port-and-transport": "sip:+571234@sip.test:6060;transport=udp",
    "S21-address": "sip:+494055500100@198.51.100.7:5060",
    "S21-name": "sip:edge.sip.test;lr",
    "S21-ipv6": "sip:a@[2001:DB8:0::7]:5061",
    "S21-tel": "tel:+49-40-5550-0100",
    "S21-tel-with-context": "tel:7042;phone-context=sip.test",
    "S21-long": LONG,
}


@pytest.mark.parametrize("uri", SIGNED_FOR.values(), ids=SIGNED_FOR)
def test_a_uri_is_signed_to_the_letter(sign, uri):
    value = sign(method="BYE", uri=uri, sign_hosts=HOSTS)["body"]["value"]
    assert read_credentials(value).uri == uri
    assert is_right(value, MD5, method="BYE", uri=uri)


NOT_SIGNED_FOR = {
    "S21-another-address": ("sip:a@198.51.100.8", "sign_hosts"),
    "S21-below-a-named-host": ("sip:a@a.edge.sip.test", "sign_hosts"),
    "S21-maddr": ("sip:a@198.51.100.7;maddr=192.0.2.1", "maddr"),
    "S21-tel-with-host": ("tel:+4940@evil.test", "a tel URI"),
    "S21-too-long": ("sip:" + "a" * 1020 + "@sip.test", "Use at most 1024 characters."),
}


@pytest.mark.parametrize(("uri", "words"), NOT_SIGNED_FOR.values(), ids=NOT_SIGNED_FOR)
def test_another_uri_is_refused_with_the_way_out(sign, uri, words):
    (error,) = sign(method="BYE", uri=uri, sign_hosts=HOSTS)["errors"]
    assert (error["field"], words in error["message"]) == ("params.uri", True)
    assert "evil" not in error["message"]


def test_s21_the_ledger_says_tel_and_never_the_number(sign, caller):
    sign(method="MESSAGE", uri="tel:+494055500100")
    (entry,) = caller.get("/runs")["items"]
    assert entry["note"].endswith(", MD5, tel")


@pytest.mark.parametrize(
    "method", ["SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "UPDATE", "PRACK", "REFER", "INFO", "OPTIONS", "ACK"]
)
def test_s31_every_method_that_can_be_challenged_is_signed(sign, method):
    assert is_right(sign(method=method)["body"]["value"], MD5, method=method)


# The check


@pytest.fixture
def checked(caller, trunk, monkeypatch):
    """The steps of the check of a registering trunk against a peer."""
    monkeypatch.setattr(check, "OPTIONS_SECONDS", 0.3)
    monkeypatch.setattr(sip, "RESPONSE_SECONDS", 1.0)

    def call(answer, serve=sip_over_udp, transport="udp", **config):
        with serve(answer) as port:
            path = trunk(host="127.0.0.1", port=port, transport=transport, **({"register": True} | config))
            found = caller.post(f"{path}/test", {"environment": "staging"})["steps"]
            return [(step["name"], step["outcome"], step["code"], step["detail"]) for step in found]

    return call


def asking(*challenges, then=("200 OK",)):
    return registrar_saying(("401 Unauthorized", *(f"WWW-Authenticate: {text}" for text in challenges)), then)


def silent_to_options(answer, instead=()):
    return lambda request: list(instead) if request.startswith(b"OPTIONS") else answer(request)


ACCEPTED = ("register", "passed", None, "User name and password were accepted, with MD5.")


@pytest.mark.parametrize(
    ("challenges", "config", "named"),
    [
        pytest.param([AKA, MD5], {}, "MD5", id="P01-AKA-first"),
        pytest.param([SHA, MD5], {"algorithms": ["MD5"]}, "MD5", id="P01-SHA-first"),
        pytest.param([f"{MD5}, {SHA}"], {}, "SHA-256", id="P01-joined"),
    ],
)
def test_the_check_answers_what_is_allowed(checked, challenges, config, named):
    assert checked(asking(*challenges), **config)[1][3].endswith(f"with {named}.")


def test_p03_a_registrar_that_always_asks_again_is_left(checked):
    asked = [("401 Unauthorized", f"WWW-Authenticate: {MD5.replace('n-1', f'n-{n}')}") for n in range(2)]
    assert checked(registrar_saying(*asked))[1][1:] == (
        "failed", "upstream_error", "User name or password was refused: 401 Unauthorized."
    )  # fmt: skip


def test_p04_a_401_without_a_challenge(checked):
    (step,) = checked(registrar_saying(("401 Unauthorized",)))
    assert step[1:3] == ("failed", "response_unreadable")


def test_p05_no_registrar_is_no_failure_of_the_password(checked):
    assert checked(registrar_saying(("405 Method Not Allowed",)))[1][1] == "not_checkable"


def test_s11_the_check_tells_that_the_realm_is_empty(checked):
    assert checked(asking(EMPTY), realm="")[1][3].endswith("Its realm is empty (empty_realm).")


SILENT = ("options", "passed", None, "The server does not answer OPTIONS, but it answers REGISTER.")


@pytest.mark.parametrize(("serve", "transport"), [(sip_over_udp, "udp"), (sip_over_tcp, "tcp")])
def test_p16_register_is_tried_where_options_is_not_answered(checked, serve, transport):
    assert checked(silent_to_options(asking(MD5)), serve, transport) == [SILENT, ACCEPTED]


@pytest.mark.parametrize("status", ["503 Service Unavailable", "408 Request Timeout"])
def test_p16_register_is_tried_where_options_is_refused(checked, status):
    answer = asking(MD5)
    first, second = checked(lambda request: [reply(request, status)] if b"OPTIONS " in request else answer(request))
    assert (first[1], second) == ("passed", ACCEPTED)
    assert f"refuses OPTIONS ({status})" in first[3]


def test_p16_a_wrong_password_is_told_where_options_is_not_answered(checked):
    first, second = checked(silent_to_options(asking(MD5, then=("403 Forbidden",))))
    assert (first, second[1:3]) == (SILENT, ("failed", "upstream_error"))


def test_p16_a_server_that_answers_nothing_is_one_message(checked):
    assert [step[:3] for step in checked(lambda request: [])] == [("request", "failed", "upstream_timeout")]
