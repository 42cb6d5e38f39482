"""Token endpoints of OAuth 2 as services run them: what they are sent, and what of their answers is taken."""

import base64
import gzip
import json
from contextlib import contextmanager
from urllib.parse import parse_qsl

import pytest

from tests.peers.upstreams import answering, http
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

SECRET = "Abcd+1234%Q:/x"
GRANTED = {"access_token": "granted-token-0001", "token_type": "bearer", "expires_in": 3600}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Service:
    """A token endpoint at `/token` and an API that takes its token; `asked` are the token requests."""

    def __init__(self, answer):
        self.answer, self.asked, self.calls = answer, [], 0

    def respond(self, request, connection):
        head, _, body = request.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if target.startswith("/api"):
            self.calls += headers.get("authorization") == "Bearer granted-token-0001"
            return connection.sendall(http(b"{}"))
        self.asked.append((method, target, headers, body))
        answer = self.answer(target, headers, body) if callable(self.answer) else self.answer
        return connection.sendall(answer if isinstance(answer, bytes) else http(json.dumps(answer).encode()))

    @property
    def body(self):
        return self.asked[-1][3]

    @property
    def fields(self):
        return dict(parse_qsl(self.body, keep_blank_values=True, strict_parsing=True))


@pytest.fixture
def saved(owner, caller):
    """Saves a connector through the API: the response."""
    store_secret(owner, "crm.clientId", "agent-0007")
    store_secret(owner, "crm.clientSecret", SECRET)
    store_secret(owner, "crm.account", "account-5512-Xy")

    def save(url, path="/token", **config):
        wanted = {
            "type": "oauth2_client_credentials",
            "token_url": f"{url}{path}",
            "client_id": "{secrets.crm.clientId}",
            "client_secret": "{secrets.crm.clientSecret}",
            **config,
        }
        body = {"kind": "auth_connector", "name": "Sign-in", "environments": ["staging"], "config": wanted}
        return caller.call("POST", "/integrations", body)

    return save


@pytest.fixture
def ran(saved, caller):
    """Runs an action that uses a connector, both saved through the API: the result, and what the service saw."""

    @contextmanager
    def run(answer=GRANTED, **config):
        service = Service(answer)
        with answering(service.respond) as url:
            created = saved(url, **config)
            assert created.status_code == 201, created.json()
            action = {"base_url": url, "path": "/api", "method": "GET", "auth_connector": created.json()["id"]}
            body = {"kind": "api_action", "name": "Act", "environments": ["staging"], "config": action}
            target = caller.post("/integrations", body)
            yield caller.call("POST", f"/integrations/{target['id']}/run", {"environment": "staging"}).json(), service

    return run


@pytest.fixture
def other_value(owner):
    """A value that an action of its own sends to the host of the token endpoint."""
    store_secret(owner, "other.key", "q7ZkM2vR-9tLw4ZbN81xP")
    make_action(owner, "Other", uses="other.key", base_url="http://127.0.0.1:9")
    return "q7ZkM2vR-9tLw4ZbN81xP"


USUAL = {"grant_type": "client_credentials"}
REQUESTS = {
    "O13-resource": (
        {"extra": [{"name": "resource", "value": "https://org.crm4.dynamics.com"}]},
        ("/token", FORM, USUAL | {"resource": "https://org.crm4.dynamics.com"}),
    ),
    "O13-zoom": (
        {"grant_type": "account_credentials", "extra": [{"name": "account_id", "value": "{secrets.crm.account}"}]},
        ("/token", FORM, {"grant_type": "account_credentials", "account_id": "account-5512-Xy"}),
    ),
    "O13-urn": (
        {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "scope": "{secrets.crm.account} b"},
        (
            "/token",
            FORM,
            {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "scope": "account-5512-Xy b"},
        ),
    ),
    "O13-query": (
        {"path": "/token?api-version=1.0&x=a%20b+c&flag"},
        ("/token?api-version=1.0&x=a%20b+c&flag", FORM, USUAL),
    ),
    "O13-zoom-in-the-query": (
        {"path": "/token?grant_type=account_credentials&account_id=1"},
        ("/token?grant_type=account_credentials&account_id=1", FORM, {}),
    ),
    "O13-json": (
        {"token_body": "json", "audience": "https://api/", "extra": [{"name": "q", "value": '"{secrets.crm.account}'}]},
        ("/token", JSON, USUAL | {"audience": "https://api/", "q": '"account-5512-Xy'}),
    ),
    "O13-json-with-the-client": (
        {"token_body": "json", "client_authentication": "post"},
        ("/token", JSON, USUAL | {"client_id": "agent-0007", "client_secret": SECRET}),
    ),
    "O13-no-secret-in-the-body": (
        {"client_authentication": "post", "client_secret": ""},
        ("/token", FORM, USUAL | {"client_id": "agent-0007"}),
    ),
}


@pytest.mark.parametrize(("config", "sent"), REQUESTS.values(), ids=REQUESTS)
def test_the_token_request_is_sent_as_the_service_wants_it(ran, config, sent):
    with ran(**config) as (result, service):
        assert (result["outcome"], service.calls) == ("succeeded", 1), result
        ((method, target, headers, body),) = service.asked
        fields = json.loads(body) if sent[1] == JSON else dict(parse_qsl(body, strict_parsing=bool(body)))
    assert (method, target, headers["content-type"], fields) == ("POST", *sent)


AUTHENTICATIONS = {
    "O12-basic": ({"client_authentication": "basic"}, "agent-0007:Abcd%2B1234%25Q%3A%2Fx", None),
    "O12-basic-raw": ({"client_authentication": "basic_raw"}, f"agent-0007:{SECRET}", None),
    "O12-post": ({"client_authentication": "post"}, None, SECRET),
    "O12-basic-no-secret": ({"client_authentication": "basic", "client_secret": ""}, "agent-0007:", None),
    "O12-basic-raw-no-secret": ({"client_authentication": "basic_raw", "client_secret": ""}, "agent-0007:", None),
    "O12-post-json": ({"client_authentication": "post", "token_body": "json"}, None, SECRET),
}


@pytest.mark.parametrize(("config", "basic", "posted"), AUTHENTICATIONS.values(), ids=AUTHENTICATIONS)
def test_a_client_signs_in_in_each_of_three_ways(ran, config, basic, posted):
    with ran(**config) as (result, service):
        assert result["outcome"] == "succeeded"
        headers, body = service.asked[0][2:]
    shown = headers.get("authorization", "").removeprefix("Basic ")
    assert (base64.b64decode(shown).decode() or None) == basic
    fields = json.loads(body) if config.get("token_body") else dict(parse_qsl(body))
    assert fields.get("client_secret") == posted


def test_o13_a_resource_may_repeat(ran):
    extra = [{"name": "resource", "value": "https://a.example/"}, {"name": "resource", "value": "https://b.example/"}]
    with ran(extra=extra) as (result, service):
        assert result["outcome"] == "succeeded"
    assert parse_qsl(service.body)[1:] == [("resource", "https://a.example/"), ("resource", "https://b.example/")]


def field(name, value="x"):
    return {"extra": [{"name": name, "value": value}]}


REFUSED = {
    "reserved": (field("client_secret"), "extra[0].name"),
    "reserved in capitals": (field("Grant_Type"), "extra[0].name"),
    "placeholder in a name": (field("{secrets.crm.account}"), "extra[0].name"),
    "argument": (field("a", "{params.x}"), "extra[0].value"),
    "malformed": (field("a", "{{secrets.crm.account}}"), "extra[0].value"),
    "twice": ({"extra": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}, "extra[1].name"),
    "twice in JSON": (
        {"token_body": "json", "extra": [{"name": "resource", "value": "1"}, {"name": "resource", "value": "2"}]},
        "extra[1].name",
    ),
    "audience in JSON": ({"token_body": "json", "audience": "a", **field("audience")}, "extra[0].name"),
    "in the query": ({"path": "/token?Tenant=1", **field("tenant")}, "extra[0].name"),
    "grant type twice": ({"path": "/token?grant_type=a", "grant_type": "b"}, "grant_type"),
    "grant type with a blank": ({"grant_type": "a b"}, "grant_type"),
    "grant type with a secret": ({"grant_type": "{secrets.crm.account}"}, "grant_type"),
    "empty grant type": ({"grant_type": ""}, "grant_type"),
    "scope with an argument": ({"scope": "{params.x}"}, "scope"),
    "scope twice": ({"path": "/token?scope=a", "scope": "b"}, "token_url"),
    "secret in the query": ({"path": "/token?key={secrets.crm.account}"}, "token_url"),
    "encoded": ({"path": "/token?key=%7Bsecrets.crm.account%7D"}, "token_url"),
    "encoded twice": ({"path": "/token?key=%257Bsecrets.crm.account%257D"}, "token_url"),
    "encoded in the path": ({"path": "/%7Bsecrets.crm.account%7D/token"}, "token_url"),
    "client in the query": ({"path": "/token?client_id=1"}, "token_url"),
    "pasted key in the query": ({"path": "/token?key=sk-proj-abcdefghijklmnop0123456789"}, "token_url"),
    "pasted password in the query": ({"path": "/token?a=1&api_key=hunter2-hunter3"}, "token_url"),
    "pasted key": (field("assertion", "sk-proj-abcdefghijklmnop0123456789"), "extra[0].value"),
    "blank in the query": ({"path": "/token?a=b c"}, "token_url"),
    "bare percent": ({"path": "/token?a=%zz"}, "token_url"),
    "fragment": ({"path": "/token?a=b#c"}, "token_url"),
    "unknown body": ({"token_body": "xml"}, "token_body"),
}


@pytest.mark.parametrize(("config", "where"), REFUSED.values(), ids=REFUSED)
def test_o13_what_would_be_sent_twice_or_read_otherwise_is_refused(saved, config, where):
    refused = saved("https://auth.example.com", **config)
    assert refused.status_code == 422
    assert f"config.{where}" in [error["field"] for error in refused.json()["errors"]]


def test_o13_secrets_in_further_fields_are_references(saved, caller):
    created = saved("https://auth.example.com", **field("account_id", "{secrets.crm.account}"), scope="{secrets.crm.a}")
    slots = {(each["slot"], each["name"]) for each in created.json()["references"]}
    assert {("auth.extra.account_id", "crm.account"), ("auth.scope", "crm.a")} <= slots
    secrets = {each["name"]: each for each in caller.get("/secrets")["items"]}
    assert secrets["crm.account"]["usage_count"] == 1
    caller.patch(f"/secrets/{secrets['crm.account']['id']}", {"name": "zoom.account"})
    stored = caller.get(f"/integrations/{created.json()['id']}")["config"]
    assert stored["extra"] == [{"name": "account_id", "value": "{secrets.zoom.account}"}]


def test_o13_a_connector_without_the_new_fields_is_stored_as_before(saved):
    stored = saved("https://auth.example.com", grant_type="client_credentials", token_body="form", extra=[]).json()
    names = ["type", "token_url", "client_id", "client_secret", "scope", "client_authentication", "audience"]
    assert list(stored["config"]) == names


def json_answer(members, status="200 OK"):
    return http(json.dumps(members).encode(), status=status, headers=("Content-Type: application/json",))


TOKEN = "granted-token-0001"
TAKEN = {
    "O01": {"access_token": TOKEN, "scope": "read", "expires_in": 86399},
    "O01-empty": {"access_token": TOKEN, "token_type": ""},
    "O01-null": {"access_token": TOKEN, "token_type": None},
    "O03": {"access_token": TOKEN, "token_type": "bearer"},
    "O03-capitals": {"access_token": TOKEN, "token_type": "BEARER "},
    "O03-one-word": {"access_token": TOKEN, "token_type": "BearerToken"},
    "O04": {"access_token": TOKEN, "token_type": "Bearer", "expires_in": "2700"},
    "O04-with-a-unit": {"access_token": TOKEN, "expires_in": "3600s"},
    "O04-fraction": {"access_token": TOKEN, "expires_in": 3599.75},
    "O04-negative": {"access_token": TOKEN, "expires_in": -1},
    "O04-huge": {"access_token": TOKEN, "expires_in": 10**300},
    "O04-null": {"access_token": TOKEN, "expires_in": None},
    "O04-list": {"access_token": TOKEN, "expires_in": [3600]},
    "error-null": {"access_token": TOKEN, "ok": True, "error": None},
    "error-beside-a-token": {"access_token": TOKEN, "error": "", "message": "Welcome"},
    "byte-order-mark": http(b"\xef\xbb\xbf" + json.dumps(GRANTED).encode()),
    "created": json_answer(GRANTED, "201 Created"),
    "as-text": http(json.dumps(GRANTED).encode(), headers=("Content-Type: text/html",)),
    "form": http(f"access_token={TOKEN}&token_type=bearer".encode(), headers=(f"Content-Type: {FORM}",)),
    "H03-gzip": http(
        gzip.compress(json.dumps(GRANTED).encode()), headers=("Content-Encoding: gzip", "Content-Type: text/json")
    ),
}


@pytest.mark.parametrize("answer", TAKEN.values(), ids=TAKEN)
def test_a_token_is_taken_however_loosely_it_is_given(ran, answer):
    with ran(answer) as (result, service):
        assert (result["outcome"], service.calls) == ("succeeded", 1), result


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
    "200-success-false": (
        {"success": False, "access_token": None, "message": "[AADSTS7000215] Invalid client secret"},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “[AADSTS7000215] Invalid client secret”.",
    ),
    "form": (
        http(b"error=bad_code&error_description=It+expired", headers=(f"Content-Type: {FORM}",)),
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “bad_code: It expired”.",
    ),
    "own value": (
        {"error": {"message": f"client agent-0007 with {SECRET} is unknown"}},
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
        f"127.0.0.1 did not issue a token. {CHECK}",
    ),
    "very long": (
        {"error": "word " * 200},
        f"127.0.0.1 did not issue a token. {CHECK} It answered: “{('word ' * 200)[:299]}…”.",
    ),
    "page": (http(b"<html>Sorry</html>"), "The response of 127.0.0.1 contains no usable access token."),
    "empty": ({}, "The response of 127.0.0.1 contains no usable access token."),
}


@pytest.mark.parametrize(("answer", "detail"), NO_TOKEN.values(), ids=NO_TOKEN)
def test_an_error_is_told_in_the_words_of_the_endpoint(owner, ran, other_value, answer, detail):
    with ran(answer) as (result, service):
        assert (result["code"], result["detail"], service.calls) == ("token_refused", detail, 0)
    assert other_value not in json.dumps(result)


def test_words_that_are_repeated_are_masked_for_each_run(owner, ran, caller, request):
    with ran({"error": "q7ZkM2vR-9tLw4ZbN81xP"}) as (first, service):
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
def test_a_redirect_inside_the_origin_keeps_method_body_and_headers(ran, answer, config):
    def redirecting(target, headers, body):
        first = target == "/token?t=1"
        return (answer(target, headers, body) if callable(answer) else answer) if first else GRANTED

    with ran(redirecting, path="/token?t=1", **config) as (result, service):
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
def test_another_redirect_is_refused_and_named(ran, answer, why, named):
    with ran(answer) as (result, service):
        pass
    home = f"http://{service.asked[0][2]['host']}"
    assert result["code"] == "token_refused"
    assert result["detail"].startswith("127.0.0.1 " + why.format(named.format(url=home)))
    assert len(service.asked) == (4 if "more" in why else 1)
