"""OAuth 2 client credentials, against a token endpoint that is strict about encoding."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.errors import Invalid, Refusal
from integrations.broker.checking import check
from integrations.broker.tokens import oauth_tokens
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.errors import TokenRefused
from integrations.models import Run
from integrations.readiness.warnings import warnings_for
from secrets_app.editing import secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.plaintext import Plaintext
from tests.peers.token_server import CLIENT_ID, CLIENT_SECRET, token_server
from tests.support.databases.undone import failures
from tests.support.things import make_action, make_oauth, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

S = Environment.STAGING


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch):
    """Each test begins without kept tokens, and with a clock of its own."""
    now = [1000.0]
    fresh = oauth_tokens.Tokens(clock=lambda: now[0])
    monkeypatch.setattr("integrations.broker.channel.TOKENS", fresh)
    return now


@pytest.fixture
def client(owner):
    return store_secret(owner, "crm.clientId", CLIENT_ID), store_secret(owner, "crm.clientSecret", CLIENT_SECRET)


def action_for(actor, server, **config):
    connector = make_oauth(actor, server.url, **config)
    return make_action(actor, uses="", base_url=server.url, auth_connector=str(connector.id))


@pytest.mark.parametrize("authentication", ["basic", "basic_raw", "post"])
def test_a_token_is_fetched_sent_and_masked(owner, client, run, authentication):
    if authentication == "basic_raw":  # a colon cannot be told apart without encoding
        changes = SecretChanges(values={S: Plaintext("agent-0007")})
        secrets.update_secret(actor=owner, secret_id=client[0].id, changes=changes)
    with token_server(authentication=authentication) as server, pytest.MonkeyPatch.context() as patched:
        if authentication == "basic_raw":
            patched.setattr("tests.peers.token_server.CLIENT_ID", "agent-0007")
        action = action_for(owner, server, client_authentication=authentication, scope="a b", audience="crm")
        result = run(owner, action, S)
    assert (result.outcome, server.calls) == ("succeeded", ["access-token-1"])
    assert result.answer.body == "you sent [redacted]"
    assert "crm.clientSecret" in result.answer.masked
    assert (server.asked[0]["scope"], server.asked[0]["audience"]) == (["a b"], ["crm"])
    assert ("Authorization", "Bearer ••••••••") in result.request.headers
    assert {used.name for used in Run.objects.get().secrets.all()} == {"crm.clientId", "crm.clientSecret"}


LIVES = [
    (3600, 3500, 1),
    (3600, 3541, 2),
    (None, 200, 1),
    (None, 241, 2),
    (60, 40, 1),
    (60, 49, 2),
    ("60", 49, 2),
    (-5, 200, 1),
    (10**9, 86_300, 1),
    (10**9, 86_400, 2),
    (10**250, 86_300, 1),
    (10**400, 86_300, 1),
    (float("inf"), 86_300, 1),
    ("1e999", 86_400, 2),
]


def test_a_token_is_used_nearly_as_long_as_it_holds(owner, client, run, no_tokens):
    def attempt(life):
        expires_in, after, fetched = LIVES[life]
        with token_server(expires_in=expires_in) as server:
            action = action_for(owner, server)
            run(owner, action, S)
            no_tokens[0] += after
            run(owner, action, S)
        assert len(server.asked) == fetched, LIVES[life]

    assert failures(range(len(LIVES)), attempt) == {}


def test_a_token_that_is_refused_is_fetched_anew_once(owner, client, run):
    with token_server(revoked={"access-token-1"}) as server:
        assert run(owner, action_for(owner, server), S).outcome == "succeeded"
    assert server.calls == ["access-token-1", "access-token-2"]
    with token_server(revoked={"access-token-1", "access-token-2"}) as server:
        action = make_action(owner, "Second", uses="", base_url=server.url)
        assert run(owner, action, S).outcome == "upstream_error"


def test_a_changed_secret_never_gets_the_old_token(owner, client, run):
    with token_server() as server:
        action = action_for(owner, server)
        run(owner, action, S)
        changes = SecretChanges(values={S: Plaintext("another-value")})
        secrets.update_secret(actor=owner, secret_id=client[1].id, changes=changes)
        with pytest.raises(TokenRefused) as refusal:
            run(owner, action, S)
    assert refusal.value.detail == (
        "127.0.0.1 did not issue a token: invalid_client. Check client id, client secret and scope. "
        "It answered: “invalid_client: no such client”."
    )
    latest = Run.objects.order_by("-started_at", "-id")[0]
    assert (latest.outcome, latest.error_code) == (
        "failed",
        "token_refused",
    )


def test_a_disabled_secret_stops_a_run_although_a_token_is_kept(owner, client, run):
    with token_server() as server:
        action = action_for(owner, server)
        run(owner, action, S)
        secrets.set_enabled(actor=owner, secret_id=client[1].id, enabled=False)
        with pytest.raises(Refusal) as refusal:
            run(owner, action, S)
    assert (refusal.value.code, len(server.calls)) == ("secret_disabled", 1)


def test_a_refusal_is_repeated_for_a_while_without_a_call(owner, client, run, no_tokens):
    with token_server(answer=("401 Unauthorized", {"error": "invalid_client"})) as server:
        action = action_for(owner, server)
        for _ in range(3):
            with pytest.raises(TokenRefused):
                run(owner, action, S)
        assert len(server.asked) == 1
        server.answer = None
        no_tokens[0] += 16
        assert run(owner, action, S).outcome == "succeeded"


ANSWERS = {
    "not JSON": ("200 OK", "access_token"),
    "no token": ("200 OK", {"token_type": "Bearer"}),
    "empty token": ("200 OK", {"access_token": "", "token_type": "Bearer"}),
    "line break": ("200 OK", {"access_token": "a\nb", "token_type": "Bearer"}),
    "other type": ("200 OK", {"access_token": "abc", "token_type": "mac"}),
    "unknown member": ("400 Bad Request", {"trace": "canary-in-the-answer"}),
    "redirect": ("302 Found", {}),
}


def test_an_answer_without_a_usable_token_is_told_without_its_text(owner, client, run):
    def attempt(name):
        with token_server(answer=ANSWERS[name]) as server, pytest.raises(TokenRefused) as refusal:
            run(owner, action_for(owner, server), S)
        assert "canary" not in refusal.value.detail
        assert server.calls == []

    assert failures(ANSWERS, attempt) == {}


def test_client_and_secret_go_to_the_token_url_alone(owner, run):
    store_secret(owner, "crm.clientId", "agent-0001")
    store_secret(owner, "crm.clientSecret", "client-secret", allowed_domains=["auth.example.com"])
    connector = make_oauth(owner, "https://auth.example.com")
    action = make_action(owner, uses="", base_url="https://api.example.net", auth_connector=str(connector.id))
    assert warnings_for(action) == []
    changes = IntegrationChanges(config=connector.config | {"token_url": "https://evil.example.org/token"})
    update_integration(actor=owner, integration_id=connector.id, changes=changes)
    action.refresh_from_db()
    assert [(warning.code, warning.secret) for warning in warnings_for(action)] == [
        ("domain_not_allowed", "crm.clientSecret")
    ]
    with pytest.raises(Refusal) as refusal:
        run(owner, action, S)
    assert refusal.value.code == "domain_not_allowed"


@pytest.mark.parametrize(
    "url", ["http://auth.example.com/token", "https://10.0.0.1/token", "https://{secrets.x}/token", ""]
)
def test_a_token_url_obeys_the_egress_rules(owner, url, settings):
    from integrations.egress import configuration
    from integrations.egress.policy import EgressPolicy

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(configuration, "policy", EgressPolicy)
        with pytest.raises(Invalid) as refusal:
            make_oauth(owner, "https://auth.example.com", token_url=url)
    assert "config.token_url" in [error.field for error in refusal.value.errors]


def test_the_check_of_a_connector_fetches_a_token(owner, client, inline):
    with token_server() as server:
        connector = make_oauth(owner, server.url)
        (step,) = async_to_sync(check)(owner, connector.id, S)
        assert (step.name, step.outcome) == ("token", "passed")
    with token_server(answer=("400 Bad Request", {"error": "invalid_scope"})) as server:
        other = update_integration(
            actor=owner,
            integration_id=connector.id,
            changes=IntegrationChanges(config=connector.config | {"token_url": f"{server.url}/token"}),
        )
        (step,) = async_to_sync(check)(owner, other.id, S)
        assert (step.outcome, step.code) == ("failed", "token_refused")


async def test_runs_that_need_a_token_at_once_share_one_request():
    fetched = []

    async def fetch():
        fetched.append(1)
        await asyncio.sleep(0.05)
        return oauth_tokens.Grant(Plaintext("shared"), 60)

    kept = oauth_tokens.Tokens()
    got = await asyncio.gather(*(kept.get("key", fetch) for _ in range(20)))
    assert len(fetched) == 1
    assert all(token is got[0] for token in got)


async def test_who_leaves_does_not_take_the_request_of_the_others_along():
    async def fetch():
        await asyncio.sleep(0.05)
        return oauth_tokens.Grant(Plaintext("shared"), 60)

    kept = oauth_tokens.Tokens()
    first, second = asyncio.ensure_future(kept.get("key", fetch)), asyncio.ensure_future(kept.get("key", fetch))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).expose() == "shared"


def test_organizations_and_configurations_share_nothing():
    kept = oauth_tokens.Tokens()
    grants = iter(["one", "two", "three"])

    async def fetch():
        return oauth_tokens.Grant(Plaintext(next(grants)), 60)

    async def all_of_them():
        return [(await kept.get(key, fetch)).expose() for key in [("a", 1), ("b", 1), ("a", 2), ("a", 1)]]

    assert asyncio.run(all_of_them()) == ["one", "two", "three", "one"]
