"""What a connection adds to a request that is passed through, in every way that services take credentials."""

import base64

import pytest

from integrations.editing.integrations import create_integration
from integrations.models import Run
from tests.peers.token_server import CLIENT_ID, CLIENT_SECRET, token_server
from tests.support.api.passing import STAGING, Echo, connected, play
from tests.support.things import VALUE, key_for, make_connection, make_oauth, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

TWILIO = "6d1f9b7ac8e2450f"


def connector(owner, **config):
    made = create_integration(
        actor=owner, kind="auth_connector", name=f"C {config['type']}", environments=STAGING, config=config
    )
    return str(made.id)


def test_what_the_connection_adds_wins(owner):
    echo = Echo()
    own = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}, {"name": "Api-Version", "value": "2"}]
    query = [{"name": "key", "value": "{secrets.crm.apiKey}"}]

    async def story(client):
        headers = {"X-Coffer": client.key, "x_key": "mine", "Api-Version": "1", "Authorization": "Basic YTpi"}
        async with client.ask("GET", "/x?key=mine&%6bey=mine&other=1", headers=headers) as answer:
            assert VALUE not in await answer.text()

    with connected(owner, echo, headers=own, query=query) as (_, key):
        play(key, story)
    assert echo.target == f"/x?other=1&key={VALUE}".encode()
    received = echo.received[0].lower()
    assert [received.count(text) for text in (b"x-key: ", b"x_key", b"api-version: 2", b"mine")] == [1, 0, 1, 0]
    assert b"authorization" not in received


def test_what_is_about_the_callers_side_does_not_go_on(owner):
    echo = Echo()
    dropped = {
        "Connection": "x-note", "X-Note": "1", "Keep-Alive": "5", "TE": "trailers", "Proxy-Authorization": "Basic eA==",
        "Forwarded": "for=1.2.3.4", "X-Forwarded-For": "1.2.3.4", "X_Forwarded_Host": "a", "Via": "1.1 a",
        "X-Real-IP": "1.2.3.4", "Origin": "https://a.example", "Referer": "https://a.example", "Cookie": "a=b",
        "Range": "bytes=0-9", "If-Range": '"a"', "X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/admin",
        "Accept-Encoding": "gzip, br", "Coffer-Anything": "1", "Sec-Fetch-Mode": "cors", "Max-Forwards": "1",
    }  # fmt: skip
    kept = {"OpenAI-Beta": "assistants=v2", "User-Agent": "an-sdk/1.0", "Accept": "text/event-stream", "If-Match": "*"}

    async def story(client):
        async with client.ask("GET", "/x", headers={"X-Api-Key": client.key, **dropped, **kept}) as answer:
            assert answer.status == 200

    with connected(owner, echo) as (_, key):
        play(key, story)
    assert echo.names == {name.lower() for name in kept} | {"host", "x-key", "accept-encoding"}
    assert b"Accept-Encoding: identity" in echo.received[0]


def test_what_is_about_coffers_own_address_does_not_come_back(owner):
    dropped = (
        "Set-Cookie: a=b", "Access-Control-Allow-Origin: *", "Strict-Transport-Security: max-age=1", "Alt-Svc: h3",
        'Clear-Site-Data: "*"', "Content-Security-Policy: default-src *", "X-Accel-Redirect: /private",
        "X-Sendfile: /etc/passwd", "Keep-Alive: timeout=5", "Coffer-Error: made_up", "Cache-Control: public",
        "Proxy-Authenticate: Basic", "Refresh: 0", "X-Content-Type-Options: no",
    )  # fmt: skip
    kept = ("Content-Type: text/html", "ETag: a", "Retry-After: 5", "X-RateLimit-Remaining: 3", "WWW-Authenticate: a")

    async def story(client):
        async with client.ask("GET", "/x") as answer:
            sent = {name.lower(): value for name, value in answer.headers.items()}
        for line in kept:
            assert sent.pop(line.partition(":")[0].lower()) == line.partition(": ")[2]
        assert sent.pop("coffer-run-id")
        assert sent.keys() - {"date", "server", "transfer-encoding", "x-request-id"} == {
            "cache-control", "content-security-policy", "x-content-type-options",
        }  # fmt: skip
        assert (sent["cache-control"], sent["x-content-type-options"]) == ("no-store", "nosniff")

    with connected(owner, Echo(*dropped, *kept, body=b"fine")) as (_, key):
        play(key, story)


def test_connectors_of_every_type(owner):
    echo = Echo()
    store_secret(owner, "twilio.token", TWILIO)
    basic = base64.b64encode(f"AC0123:{TWILIO}".encode())
    cases = {
        "bearer": ({"type": "bearer", "token": "{secrets.twilio.token}"}, f"authorization: bearer {TWILIO}".encode()),
        "basic": (
            {"type": "basic", "username": "AC0123", "password": "{secrets.twilio.token}"},
            b"authorization: basic " + basic.lower(),
        ),
        "api_key": (
            {"type": "api_key", "in": "query", "name": "token", "value": "{secrets.twilio.token}"},
            f"get /x?token={TWILIO} ".encode(),
        ),
    }

    async def story(client):
        for name, (_, sent) in cases.items():
            async with client.ask("GET", "/x", at=name) as answer:
                body = await answer.read()
            assert sent in echo.received[-1].lower(), name
            assert TWILIO.encode() not in body, name
            assert basic not in body

    with connected(owner, echo) as (connection, key):
        for name, (config, _) in cases.items():
            parts = {"auth_connector": connector(owner, **config), "pass_through": "everything"}
            make_connection(owner, connection.config["base_url"], name, **parts)
        play(key, story)


def test_access_tokens_are_fetched_and_a_refused_one_is_tried_once_more_where_nothing_was_sent_twice(owner):
    store_secret(owner, "crm.clientId", CLIENT_ID)
    store_secret(owner, "crm.clientSecret", CLIENT_SECRET)

    async def story(client):
        async def status(method, **more):
            async with client.ask(method, "/api", at="signed", **more) as answer:
                assert b"access-token" not in await answer.read()
                return answer.status

        assert await status("GET") == 200
        server.revoked.add("access-token-1")
        assert await status("GET") == 200
        server.revoked.add("access-token-2")
        assert await status("POST", data=b"once") == 401
        assert await status("POST", data=b"again") == 200

    with token_server() as server:
        parts = {"auth_connector": str(make_oauth(owner, server.url).id), "pass_through": "everything"}
        make_connection(owner, server.url, "signed", **parts)
        play(key_for(owner, environments=STAGING), story)
    assert server.calls == [f"access-token-{n}" for n in (1, 1, 2, 2, 3)]
    assert list(Run.objects.order_by("started_at").values_list("status", flat=True)) == [200, 200, 401, 200]


def test_a_value_that_cannot_be_masked_is_not_sent(owner):
    async def story(client):
        assert await client.problem("GET", "/x") == (502, "answer_withheld")

    echo = Echo()
    with connected(owner, echo, value="1234567", secret={"allow_short": True}) as (_, key):
        play(key, story)
    assert (echo.received, Run.objects.get().error_code) == ([], "answer_withheld")


def test_an_identifier_is_no_secret(owner):
    async def story(client):
        async with client.ask("GET", "/x") as answer:
            assert VALUE in await answer.text()

    with connected(owner, Echo(), secret={"is_identifier": True}) as (_, key):
        play(key, story)
