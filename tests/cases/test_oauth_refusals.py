"""Token endpoints of OAuth 2 that issue no token: errors in their own words, and redirects."""

import base64
import json

import pytest

from tests.peers.loose_token_server import CLIENT_SECRET, GRANTED, json_answer
from tests.peers.upstreams import http
from tests.support.databases.undone import failures
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def other_value(owner):
    """A value that an action of its own sends to the host of the token endpoint."""
    store_secret(owner, "other.key", "q7ZkM2vR-9tLw4ZbN81xP")
    make_action(owner, "Other", uses="other.key", base_url="http://127.0.0.1:9")
    return "q7ZkM2vR-9tLw4ZbN81xP"


CHECK = "Check client id, client secret and scope."
NO_TOKEN = {
    "O08": (
        json_answer({"errorCode": "invalid_client"}, "401 Unauthorized"),
        f"127.0.0.1 did not issue a token: invalid_client. {CHECK}",
    ),
    "O08-with-a-summary": (
        json_answer({"errorCode": "E0000022", "errorSummary": "Not enabled", "errorId": "oae"}, "403 Forbidden"),
        f"127.0.0.1 did not issue a token with status 403. {CHECK} It answered: “E0000022: Not enabled”.",
    ),
    "200-error": (
        {"error": "invalid_client", "error_description": "Unknown\r\nclient"},
        f"127.0.0.1 did not issue a token: invalid_client. {CHECK} It answered: “invalid_client: Unknown client”.",
    ),
    "200-error-object": (
        {"error": {"code": 401, "message": "No such app", "trace_id": "x"}},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “401: No such app”.",
    ),
    "200-not-ok": (
        {"ok": False, "error": "invalid_auth"},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “invalid_auth”.",
    ),
    "200-errors": (
        {"errors": [{"code": "A1", "detail": "Locked"}, {"code": "A2", "detail": "Late"}, "Locked"]},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “A1: Locked: A2: Late”.",
    ),
    "200-codes": (
        {"errcode": 40013, "errmsg": "invalid appid", "errorId": "x", "error_uri": "https://x"},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “40013: invalid appid”.",
    ),
    "O08-causes": (
        json_answer({"errorCauses": [{"errorSummary": "No scope"}], "trace_id": "x"}, "400 Bad Request"),
        f"127.0.0.1 did not issue a token with status 400. {CHECK} It answered: “No scope”.",
    ),
    "200-success-false": (
        {"success": False, "access_token": None, "message": "[AADSTS7000215] Invalid client secret"},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “[AADSTS7000215] Invalid client secret”.",
    ),
    "form": (
        http(b"error=bad_code&error_description=It+expired", headers=(f"Content-Type: {FORM}",)),
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “bad_code: It expired”.",
    ),
    "own value": (
        {"error": {"message": f"client agent-0007 with {CLIENT_SECRET} is unknown"}},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “client [redacted] with [redacted] is unknown”.",
    ),
    "value of another run": (
        {"error": "q7ZkM2vR-9tLw4ZbN81xP is not allowed"},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “[redacted] is not allowed”.",
    ),
    "value with a line break inside": (
        {"error": "q7ZkM2vR-\r\n9tLw4ZbN81xP"},
        f"127.0.0.1 did not issue a token. {CHECK} What it said is withheld.",
    ),
    "value in base64": (
        {"error": base64.b64encode(b"xx" + b"q7ZkM2vR-9tLw4ZbN81xP").decode()},
        f"127.0.0.1 did not issue a token. {CHECK} What it said is withheld.",
    ),
    "the credential itself": (
        lambda _target, headers, _body: {"error": headers["authorization"]},
        f"127.0.0.1 did not issue a token. {CHECK} What it said is withheld.",
    ),
    "invisible characters": (
        {"error": "q7ZkM2vR-\u200b9tLw4ZbN81xP"},
        f"127.0.0.1 did not issue a token. {CHECK} What it said is withheld.",
    ),
    "very long": (
        {"error": "word " * 200},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “{('word ' * 200)[:299]}…”.",
    ),
    "another type": (
        GRANTED | {"token_type": "mac"},
        "127.0.0.1 issued a token that is not of the type Bearer. It answered: “mac”.",
    ),
    "type that is the value": (
        GRANTED | {"token_type": CLIENT_SECRET},
        "127.0.0.1 issued a token that is not of the type Bearer. It answered: “[redacted]”.",
    ),
    "page": (http(b"<html>Sorry</html>"), "The response of 127.0.0.1 contains no usable access token."),
    "empty": ({}, "The response of 127.0.0.1 contains no usable access token."),
}


def test_an_error_is_told_in_the_words_of_the_endpoint(run_signed_in, other_value):
    def attempt(case):
        answer, detail = NO_TOKEN[case]
        with run_signed_in(answer) as (result, service):
            assert (result["code"], result["detail"], service.calls) == ("token_refused", detail, 0)
        assert other_value not in json.dumps(result)

    assert failures(NO_TOKEN, attempt) == {}


def test_words_that_are_repeated_are_masked_for_each_run(owner, run_signed_in, caller, request):
    with run_signed_in({"error": "q7ZkM2vR-9tLw4ZbN81xP"}) as (first, service):
        request.getfixturevalue("other_value")
        action = caller.get("/integrations?q=Act")["items"][0]["id"]
        second = caller.call("POST", f"/integrations/{action}/run", {"environment": "staging"}).json()
        assert len(service.asked) == 1
    assert "q7ZkM2vR" in first["detail"]
    assert second["detail"].endswith("It answered: “[redacted]”.")


def to(location, status=307):
    return http(b"", status=f"{status} Moved", headers=(f"Location: {location}",))


FOLLOWED = {
    "307": to("/v2/token"),
    "308-slash": to("/token/", 308),
    "308-relative": to("v2/token?a=1", 308),
    "307-blank": to(" /v2/to ken "),
    "307-own-origin": lambda _target, headers, _body: to(f"HTTP://{headers['host']}/v2"),
}


@pytest.mark.parametrize("answer", FOLLOWED.values(), ids=FOLLOWED)
@pytest.mark.parametrize("config", [{}, {"client_authentication": "post", "token_body": "json"}], ids=["form", "json"])
def test_a_redirect_inside_the_origin_keeps_method_body_and_headers(run_signed_in, answer, config):
    def redirecting(target, headers, body):
        first = target == "/token?t=1"
        return (answer(target, headers, body) if callable(answer) else answer) if first else GRANTED

    with run_signed_in(redirecting, path="/token?t=1", **config) as (result, service):
        assert (result["outcome"], service.calls) == ("succeeded", 1), result
    before, after = service.asked
    assert before[1] != after[1]
    assert (before[0], before[2], before[3]) == (after[0], after[2], after[3])


AS_GET = "redirects the token request with status {}, which would send it as a GET without its fields"
ELSEWHERE = "redirects the token request to another origin, which gets no credentials"
NAMED = "Enter the address that it means as token URL. It answered: “{}”."
NOT_FOLLOWED = {
    **{
        f"as-get-{code}": (to("/v2?x=1", code), f"{AS_GET.format(code)}. {NAMED}", "{url}/v2")
        for code in (301, 302, 303)
    },
    "another-host": (
        to("https://login.example.com/t?code=1#x"),
        f"{ELSEWHERE}. {NAMED}",
        "https://login.example.com/t",
    ),
    "another-port": (to("http://127.0.0.1:9/token", 308), f"{ELSEWHERE}. {NAMED}", "http://127.0.0.1:9/token"),
    "another-scheme": (to("//evil.example/t", 308), f"{ELSEWHERE}. {NAMED}", "//evil.example/t"),
    "user-name": (to("http://a@127.0.0.1/t"), f"{ELSEWHERE}. {NAMED}", "http://a@127.0.0.1/t"),
    "value-in-it": (to("https://evil.example/agent-0007"), f"{ELSEWHERE}. {NAMED}", "https://evil.example/[redacted]"),
    "too-often": (to("/token"), "redirects the token request more than 3 times. {}", "Enter the address that"),
}


@pytest.mark.parametrize(("answer", "why", "named"), NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
def test_another_redirect_is_refused_and_named(run_signed_in, answer, why, named):
    with run_signed_in(answer) as (result, service):
        pass
    home = f"http://{service.asked[0][2]['host']}"
    assert result["code"] == "token_refused"
    assert result["detail"].startswith("127.0.0.1 " + why.format(named.format(url=home)))
    assert len(service.asked) == (4 if "more" in why else 1)
