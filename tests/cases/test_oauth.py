"""Token endpoints of OAuth 2 as services run them: what they are sent, and what is taken as a token."""

import base64
import gzip
import json
from urllib.parse import parse_qsl

import pytest

from tests.peers.loose_token_server import CLIENT_SECRET, GRANTED, TOKEN, json_answer
from tests.peers.upstreams import http
from tests.support.databases.undone import failures
from tests.support.things import store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
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
        ("/token", JSON, USUAL | {"client_id": "agent-0007", "client_secret": CLIENT_SECRET}),
    ),
    "O13-no-secret-in-the-body": (
        {"client_authentication": "post", "client_secret": ""},
        ("/token", FORM, USUAL | {"client_id": "agent-0007"}),
    ),
}


@pytest.mark.parametrize(("config", "sent"), REQUESTS.values(), ids=REQUESTS)
def test_the_token_request_is_sent_as_the_service_wants_it(run_signed_in, config, sent):
    with run_signed_in(**config) as (result, service):
        assert (result["outcome"], service.calls) == ("succeeded", 1), result
        ((method, target, headers, body),) = service.asked
        fields = json.loads(body) if sent[1] == JSON else dict(parse_qsl(body, strict_parsing=bool(body)))
    assert (method, target, headers["content-type"], fields) == ("POST", *sent)


AUTHENTICATIONS = {
    "O12-basic": ({"client_authentication": "basic"}, "agent-0007:Abcd%2B1234%25Q%3A%2Fx", None),
    "O12-basic-raw": ({"client_authentication": "basic_raw"}, f"agent-0007:{CLIENT_SECRET}", None),
    "O12-post": ({"client_authentication": "post"}, None, CLIENT_SECRET),
    "O12-basic-no-secret": ({"client_authentication": "basic", "client_secret": ""}, "agent-0007:", None),
    "O12-basic-raw-no-secret": ({"client_authentication": "basic_raw", "client_secret": ""}, "agent-0007:", None),
    "O12-post-json": ({"client_authentication": "post", "token_body": "json"}, None, CLIENT_SECRET),
}


@pytest.mark.parametrize(("config", "basic", "posted"), AUTHENTICATIONS.values(), ids=AUTHENTICATIONS)
def test_a_client_signs_in_in_each_of_three_ways(run_signed_in, config, basic, posted):
    with run_signed_in(**config) as (result, service):
        assert result["outcome"] == "succeeded"
        headers, body = service.asked[0][2:]
    shown = headers.get("authorization", "").removeprefix("Basic ")
    assert (base64.b64decode(shown).decode() or None) == basic
    fields = json.loads(body) if config.get("token_body") else dict(parse_qsl(body))
    assert fields.get("client_secret") == posted


def test_o13_a_resource_may_repeat(run_signed_in):
    extra = [{"name": "resource", "value": "https://a.example/"}, {"name": "resource", "value": "https://b.example/"}]
    with run_signed_in(extra=extra) as (result, service):
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


def test_o13_what_would_be_sent_twice_or_read_otherwise_is_refused(save_connector):
    def attempt(case):
        config, where = REFUSED[case]
        refused = save_connector("https://auth.example.com", **config)
        assert refused.status_code == 422
        assert f"config.{where}" in [error["field"] for error in refused.json()["errors"]]

    assert failures(REFUSED, attempt) == {}


def test_o13_secrets_in_further_fields_are_references(save_connector, caller):
    created = save_connector(
        "https://auth.example.com", **field("account_id", "{secrets.crm.account}"), scope="{secrets.crm.a}"
    )
    slots = {(each["slot"], each["name"]) for each in created.json()["references"]}
    assert {("auth.extra.account_id", "crm.account"), ("auth.scope", "crm.a")} <= slots
    secrets = {each["name"]: each for each in caller.get("/secrets")["items"]}
    assert secrets["crm.account"]["usage_count"] == 1
    caller.patch(f"/secrets/{secrets['crm.account']['id']}", {"name": "zoom.account"})
    stored = caller.get(f"/integrations/{created.json()['id']}")["config"]
    assert stored["extra"] == [{"name": "account_id", "value": "{secrets.zoom.account}"}]


def test_o13_a_connector_without_the_new_fields_is_stored_as_before(save_connector):
    stored = save_connector(
        "https://auth.example.com", grant_type="client_credentials", token_body="form", extra=[]
    ).json()
    names = ["type", "token_url", "client_id", "client_secret", "scope", "client_authentication", "audience"]
    assert list(stored["config"]) == names


TAKEN = {
    "O01": {"access_token": TOKEN, "scope": "read", "expires_in": 86399},
    "O01-empty": {"access_token": TOKEN, "token_type": ""},
    "O01-null": {"access_token": TOKEN, "token_type": None},
    "O03": {"access_token": TOKEN, "token_type": "bearer"},
    "O03-capitals": {"access_token": TOKEN, "token_type": "BEARER "},
    "O03-one-word": {"access_token": TOKEN, "token_type": "BearerToken"},
    "O03-two-words": {"access_token": TOKEN, "token_type": "bearer_token"},
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
    "line-break-at-the-end": {"access_token": f"{TOKEN}\n"},
    "created": json_answer(GRANTED, "201 Created"),
    "as-text": http(json.dumps(GRANTED).encode(), headers=("Content-Type: text/html",)),
    "form": http(f"access_token={TOKEN}&token_type=bearer".encode(), headers=(f"Content-Type: {FORM}",)),
    "H03-gzip": http(
        gzip.compress(json.dumps(GRANTED).encode()), headers=("Content-Encoding: gzip", "Content-Type: text/json")
    ),
}


def test_a_token_is_taken_however_loosely_it_is_given(run_signed_in):
    def attempt(case):
        with run_signed_in(TAKEN[case]) as (result, service):
            assert (result["outcome"], service.calls) == ("succeeded", 1), result

    assert failures(TAKEN, attempt) == {}


@pytest.mark.parametrize(
    "config", [{"scope": "a {secrets.x.y}"}, field("a", "{secrets.x.y}"), {"audience": "{secrets.x.y}"}]
)
def test_a_secret_in_any_field_goes_to_its_allowed_domains_alone(owner, run_signed_in, config):
    store_secret(owner, "x.y", "kept-at-home-0001", allowed_domains=["api.example.com"])
    with run_signed_in(**config) as (result, service):
        assert (result["code"], service.asked) == ("domain_not_allowed", [])
