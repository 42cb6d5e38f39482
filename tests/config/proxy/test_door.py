"""Requests that are passed through a real server: what arrives at the upstream, what comes back, and who may not."""

import base64
from uuid import uuid4

import pytest

from accounts.models import ApiKey
from accounts.policy import Scope
from integrations.models import Run
from tests.support.api.passing import STAGING, Echo, connected, play
from tests.support.things import VALUE, key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


def test_a_request_goes_on_with_the_credential_and_comes_back_masked(owner):
    echo = Echo(f"X-Echo: {VALUE}", "Set-Cookie: a=b", "X-Request-Id: req_theirs", "Location: /elsewhere")

    async def story(client):
        async with client.ask("POST", "/v1/things?limit=3", data=b'{"q": 1}') as answer:
            body = await answer.read()
            assert (answer.status, b"X-Key: [redacted]" in body, b'{"q": 1}' in body) == (200, True, True)
            assert (answer.headers["X-Echo"], answer.headers["X-Request-Id"]) == ("[redacted]", "req_theirs")
            assert answer.headers["Location"] == "/elsewhere"
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert answer.headers["Coffer-Run-Id"]
        assert VALUE not in body.decode()

    with connected(owner, echo) as (connection, key):
        play(key, story)
    assert echo.target == b"/v1/things?limit=3"
    assert f"X-Key: {VALUE}".encode() in echo.received[0]
    assert b"cof_" not in echo.received[0]
    run = Run.objects.get()
    assert (run.outcome, run.operation, run.status, run.environment) == ("succeeded", "pass_through", 200, "staging")
    assert (run.integration_id, run.sent_bytes, run.answer_bytes) == (connection.id, 8, len(echo.received[0]))
    assert 0 <= run.first_byte_ms <= run.duration_ms


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_the_key_stands_where_the_services_own_key_goes(owner):
    """As SDKs of OpenAI, Anthropic, ElevenLabs, Deepgram, Stripe and Twilio send theirs; once, and not elsewhere."""
    echo = Echo()

    async def story(client):
        key = client.key
        accepted = [
            {"Authorization": f"Bearer {key}"}, {"x-api-key": key}, {"xi-api-key": key},
            {"Authorization": f"Token {key}"}, {"authorization": f"bearer {key}"}, {"X-Service": f"Key {key}"},
            basic(key, ""), basic("AC0123", key),
        ]  # fmt: skip
        for headers in accepted:
            async with client.ask("GET", "/x", headers=headers) as answer:
                assert answer.status == 200, headers
            assert not {name.lower() for name in headers} & echo.names, headers
            assert key.encode() not in echo.received[-1]
        other = key[:-1] + ("1" if key.endswith("0") else "0")
        refused = [
            {}, {"Authorization": "Bearer sk-something"}, {"Authorization": key[:-1]}, {"Authorization": f"{key}0"},
            {"Authorization": f"Bearer {key}", "X-Api-Key": key},
            {"Authorization": f"Bearer {key}", "X-Note": f"a,{key}"}, {"Authorization": f"Bearer {other}"},
            basic(key, key), {"Cookie": f"key={key}"}, {"X-Api-Key": f"two words {key}"},
        ]  # fmt: skip
        for headers in refused:
            assert await client.problem("GET", "/x", headers=headers) == (401, "unauthenticated"), headers
        assert await client.problem("GET", f"/x?key={key}") == (401, "unauthenticated")
        assert await client.problem("GET", f"/{key}") == (401, "unauthenticated")
        assert await client.problem("GET", f"/%63of_{key[4:]}") == (401, "unauthenticated")

    with connected(owner, echo) as (_, key):
        play(key, story)
    assert len(echo.received) == Run.objects.count() == 8


def test_an_address_names_the_connection_and_the_environment(owner):
    echo = Echo()
    several = key_for(owner)

    async def story(client):
        found = [
            "CRM%20API", "crm%20api", str(connection.id), "CRM%20API@staging", f"{connection.id}@staging",
            f"{str(connection.id).upper()}@staging",
        ]  # fmt: skip
        for at in found:
            async with client.ask("GET", "/x", at=at) as answer:
                assert answer.status == 200, at
        headers = {"Authorization": f"Bearer {several}"}
        async with client.ask("GET", "/x", headers={**headers, "Coffer-Environment": "staging"}) as answer:
            assert (answer.status, "coffer-environment" in echo.names) == (200, False)
        async with client.ask("GET", "/x", headers={**headers, "Coffer-Environment": "x"}, at="CRM%20API@staging") as a:
            assert a.status == 200
        for at, status, code in [
            ("CRM%20API@production", 403, "permission_denied"),
            ("Nothing", 404, "not_found"),
            (str(uuid4()), 404, "not_found"),
            ("CRM%20API@elsewhere", 404, "not_found"),
            ("%FF", 404, "not_found"),
            ("%00", 404, "not_found"),
            ("", 404, "not_found"),
        ]:
            assert await client.problem("GET", "/x", at=at) == (status, code), at
        assert await client.problem("GET", "/x", headers=headers) == (422, "invalid")
        assert await client.problem("GET", "/x", headers={**headers, "Coffer-Environment": "x"}) == (422, "invalid")

    with connected(owner, echo) as (connection, key):
        play(key, story)
    assert len(echo.received) == 8


def test_those_who_may_not_learn_nothing_and_send_nothing(owner, outsider):
    echo = Echo()
    theirs, elsewhere = key_for(outsider, environments=STAGING), key_for(owner, environments=STAGING, integrations=[])
    weak = key_for(owner, Scope.SECRETS_WRITE, environments=STAGING)

    async def story(client):
        for at in ("CRM%20API", str(connection.id)):
            for key, expected in [
                (theirs, (404, "not_found")),
                (elsewhere, (404, "not_found")),
                (weak, (403, "permission_denied")),
            ]:
                headers = {"Authorization": f"Bearer {key}"}
                assert await client.problem("GET", "/x", at=at, headers=headers) == expected, (at, expected)

    with connected(owner, echo) as (connection, key):
        play(key, story)
    assert (echo.received, Run.objects.count()) == ([], 0)


def test_only_what_is_listed_goes_on(owner):
    echo = Echo()
    lines = ["POST /v1/chat", "GET /v1/files/{id}", "* /v2/**", "GET /v1/%7Euser"]

    async def story(client):
        for method, path, goes_on in [
            ("POST", "/v1/chat", True), ("POST", "/v1/chat?a=b", True), ("POST", "/v1/%63hat", True),
            ("GET", "/v1/files/a%20b", True), ("DELETE", "/v2/a/b/c", True), ("GET", "/v2/", True),
            ("GET", "/v1/~user", True), ("GET", "/v1/chat", False), ("POST", "/v1/chat/", False),
            ("POST", "/v1", False), ("GET", "/v1/files", False), ("GET", "/v1/files/", False),
            ("GET", "/v1/files/a/b", False), ("GET", "/v2", False), ("GET", "/", False), ("GET", "", False),
            ("POST", "/V1/chat", False),
        ]:  # fmt: skip
            if goes_on:
                async with client.ask(method, path) as answer:
                    assert answer.status == 200, (method, path)
            else:
                assert await client.problem(method, path) == (403, "path_not_allowed"), (method, path)

    with connected(owner, echo, pass_through="listed", pass_through_paths=lines) as (_, key):
        play(key, story)
    assert set(Run.objects.filter(outcome="refused").values_list("error_code", flat=True)) == {"path_not_allowed"}
    assert len(echo.received) == 7


def test_a_path_has_one_spelling_and_stays_below_the_base_url(owner):
    echo = Echo()

    async def story(client):
        for path, sent in [
            ("", b"/base"), ("/", b"/base/"), ("/a/b?c=d", b"/base/a/b?c=d"), ("/%61", b"/base/a"),
            ("/a%20b%C3%A9", b"/base/a%20b%C3%A9"), ("/a:b;c=1,d@e", b"/base/a:b;c=1,d@e"),
            ("/a%3ab", b"/base/a:b"), ("/...", b"/base/..."),
            ("/x?a[]=1&b=%2F&c=a%zz", b"/base/x?a%5B%5D=1&b=%2F&c=a%25zz"),
            ("/x?", b"/base/x"), ("/x?a=/../b", b"/base/x?a=/../b"),
        ]:  # fmt: skip
            async with client.ask("GET", path) as answer:
                assert (answer.status, echo.target) == (200, sent), path
        for path in [
            "//", "/a//b", "/../x", "/a/../b", "/a/..", "/./a", "/.", "/%2e%2e/x", "/%2e/x", "/.%2e", "/%252e%252e/x",
            "/..;a=b/x", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%00b", "/a%0ab", "/a%252fb", "/a%25252fb", "/%c0%ae/%zz",
            "/a%7f", "/a\\b", "/%2e%2e%20/x",
        ]:  # fmt: skip
            assert await client.problem("GET", path) == (422, "invalid_path_value"), path

    with connected(owner, echo, below="/base") as (_, key):
        play(key, story)
    assert len(echo.received) == 11


def rule(decision, **argument):
    properties = {name: {"const": value} for name, value in argument.items()}
    return {"decision": decision, "arguments": {"properties": properties}}


def test_rules_see_what_is_sent(owner):
    echo = Echo()

    async def story(client):
        assert await client.problem("DELETE", "/v1/x") == (403, "denied_by_rule")
        for path in ("/v1/admin", "/v1/%61dmin", "/v1/%61%64min"):
            assert await client.problem("GET", path) == (403, "denied_by_rule"), path
        async with client.ask("GET", "/v1/x") as answer:
            assert answer.status == 200
        assert await client.problem("POST", "/v1/ask") == (403, "approval_not_possible")

    with connected(owner, echo) as (connection, key):
        connection.rules = [
            {
                "operation": "pass_through",
                "decision": "deny",
                "arguments": {"properties": {"method": {"const": "DELETE"}}},
            },
            {"decision": "deny", "arguments": {"properties": {"path": {"const": "/v1/admin"}}}},
            {"decision": "ask", "arguments": {"properties": {"path": {"const": "/v1/ask"}}}},
        ]
        connection.save()
        play(key, story)
    assert len(echo.received) == 1


def test_an_organization_that_asks_before_changes_lets_reading_through(owner):
    echo = Echo()

    async def story(client):
        for method in ("GET", "HEAD", "OPTIONS"):
            async with client.ask(method, "/x") as answer:
                assert answer.status == 200
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert await client.problem(method, "/x") == (403, "approval_not_possible")

    with connected(owner, echo) as (connection, key):
        connection.organization.asks_unless_read_only = True
        connection.organization.save()
        play(key, story)


@pytest.mark.parametrize(
    ("code", "limits"), [("rate_limited", {"max_per_minute": 1}), ("budget_spent", {"daily_calls": 1})]
)
def test_limits_and_budgets_count(owner, code, limits):
    async def story(client):
        async with client.ask("GET", "/x") as answer:
            assert answer.status == 200
        async with client.ask("GET", "/x") as answer:
            document = await answer.json(content_type=None)
            assert (answer.status, document["code"], "Retry-After" in answer.headers) == (429, code, True)

    with connected(owner, Echo()) as (_, key):
        ApiKey.objects.update(**limits)
        play(key, story)


def test_a_connection_that_passes_nothing_through_says_who_can_switch_it_on(owner):
    echo = Echo()

    async def story(client):
        async with client.ask("GET", "/x") as answer:
            problem = await answer.json()
        assert (answer.status, problem["code"]) == (403, "path_not_allowed")
        assert "An owner or admin can switch that on" in problem["detail"]

    with connected(owner, echo, pass_through="off") as (_, key):
        play(key, story)
    assert (echo.received, Run.objects.get().error_code) == ([], "path_not_allowed")


def test_the_record_says_which_line_of_the_list_a_request_is_of_and_not_its_path(owner):
    echo = Echo()
    listed = ["POST /v1/files/{id}", "* /v1/audio/**"]

    async def story(client):
        for method, path in (("POST", "/v1/files/f-7"), ("PUT", "/v1/audio/a/b")):
            async with client.ask(method, path) as answer:
                assert answer.status == 200, path

    with connected(owner, echo, pass_through="listed", pass_through_paths=listed) as (_, key):
        play(key, story)
    assert {run.note for run in Run.objects.all()} == {"POST /v1/files/{…}", "PUT /v1/audio/**"}
