"""Cases of the kinds `auth` and `names`: Basic with one half empty, other schemes, names, misspelt placeholders."""

import base64

import pytest

from secrets_app.naming.names import problem_with_name, propose_name
from tests.peers.upstreams import answering, http
from tests.support.things import store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

BASIC = {
    "a01-key-as-user": ("{secrets.crm.apiKey}", "", "correct-horse-battery:"),
    "a01-key-as-password": ("", "{secrets.crm.apiKey}", ":correct-horse-battery"),
    "a01-fixed-password": ("{secrets.crm.apiKey}", "X", "correct-horse-battery:X"),
    "a03": (
        "kim@example.com/token",
        "pa:ss:wörd-{secrets.crm.apiKey}",
        "kim@example.com/token:pa:ss:wörd-correct-horse-battery",
    ),
}


def connector(caller, config):
    body = {
        "kind": "auth_connector",
        "name": "Basic",
        "environments": ["staging"],
        "config": {"type": "basic", **config},
    }
    return caller.call("POST", "/integrations", body)


@pytest.mark.parametrize(("username", "password", "sent"), BASIC.values(), ids=BASIC)
def test_basic_with_one_half_empty(send, caller, owner, upstream, username, password, sent):
    store_secret(owner)
    config = {name: text for name, text in (("username", username), ("password", password)) if text}
    made = connector(caller, config).json()
    answer = send(auth_connector=made["id"])
    assert answer.status_code == 200, answer.content
    scheme, _, encoded = upstream.header("authorization").partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", sent)


def test_a01_the_credential_of_an_empty_password_is_masked(send, caller, owner):
    store_secret(owner)
    made = connector(caller, {"username": "{secrets.crm.apiKey}", "password": ""}).json()
    with answering(lambda request, connection: connection.sendall(http(request))) as url:
        answer = send(auth_connector=made["id"], base_url=url)
    assert "Authorization: Basic [redacted]" in answer.json()["body"]


def test_a01_both_halves_empty_are_refused(caller):
    fields = [error["field"] for error in connector(caller, {"username": "", "password": ""}).json()["errors"]]
    assert fields == ["config.username", "config.password"]


def test_a06_another_scheme_is_sent_as_written(send, upstream, owner):
    store_secret(owner)
    send(headers=[{"name": "Authorization", "value": "Token token={secrets.crm.apiKey}"}])
    assert upstream.header("authorization") == "Token token=correct-horse-battery"


NAMES = [
    "STRIPE_SECRET_KEY",
    "aws.accessKeyId",
    "db-password-prod",
    "My API key",
    "1password",
    "HUBSPOT/key",
    "schlüssel",
]


@pytest.mark.parametrize("name", NAMES)
def test_v03_a_usual_name_is_taken_or_gets_a_proposal(name):
    assert problem_with_name(name) is None or problem_with_name(propose_name(name)) is None


NEAR = {
    "headers": ("Bearer {secret.api}", "{secrets.api}"),
    "doubled": ("{{secret.api}}", "{secrets.api}"),
    "colon": ("{secrets:api}", "{secrets.api}"),
    "env": ("{env.API}", "{secrets.API}"),
    "param": ("{param.id}", "{params.id}"),
    "dollar": ("${secrets.api}", "{secrets.api}"),
    "shell": ("Bearer $API_KEY", "{secrets.API_KEY}"),
    "angle": ("<token>", "{secrets.token}"),
    "percent": ("%API%", "{secrets.API}"),
    "bare": ("{api}", "{secrets.api}"),
    "brackets": ("{secret['api']}", "{secrets.api}"),
}


@pytest.mark.parametrize(("text", "meant"), NEAR.values(), ids=NEAR)
def test_a_near_miss_is_a_warning_that_names_the_right_spelling(send, owner, text, meant):
    store_secret(owner, "api")
    created = send.create({"id": {"type": "string"}}, headers=[{"name": "X-Key", "value": text}])
    (warning,) = [each for each in created.json()["warnings"] if each["code"] == "literal_placeholder"]
    assert warning["detail"].startswith("Header · X-Key: ")
    assert f"Write {meant}" in warning["detail"]


@pytest.mark.parametrize("path", ["/users/{id}", "/users/:id", "/users/{{id}}"])
def test_a_near_miss_in_a_path(send, path):
    (warning,) = send.create(path=path).json()["warnings"]
    assert "Write {params.id}" in warning["detail"]


@pytest.mark.parametrize("text", ["<a>{{name}}</a> {} {x: 1} costs $100", "see secrets.txt, a[0] and f(x)", "${HOME}"])
def test_what_other_languages_write_in_a_body_is_no_near_miss(send, text):
    assert send.create(body={"type": "text", "content": text}).json()["warnings"] == []
