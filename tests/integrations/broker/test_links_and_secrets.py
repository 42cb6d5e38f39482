"""Secrets of connections and auth connectors: tried when they are rotated, and told where they go."""

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker.tokens import oauth_tokens
from integrations.references.uses import hosts_of, references_by_name, uses_of
from integrations.rotation import rotation
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation as values
from tests.peers.token_server import CLIENT_ID, CLIENT_SECRET, token_server
from tests.peers.upstreams import answering, http
from tests.support.things import make_action, make_connection, make_connector, make_oauth, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db, pytest.mark.usefixtures("inline")]

S = Environment.STAGING
NEW = "the-new-key-of-staging"
TENANT = [{"name": "X-Tenant", "value": "{secrets.crm.apiKey}"}]


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch):
    monkeypatch.setattr("integrations.broker.channel.TOKENS", oauth_tokens.Tokens())


@pytest.fixture
def upstream():
    """Takes the new key alone; every other gets 401."""

    def respond(request, sending):
        sending.sendall(http(b"{}", status="200 OK" if NEW.encode() in request else "401 Unauthorized"))

    with answering(respond) as url:
        yield url


def stage(owner, secret, text=NEW):
    return values.stage(actor=owner, secret_id=secret.id, environment=S, value=Plaintext(text))


def results(owner, secret):
    checked = async_to_sync(rotation.check)(owner, secret.id, S)[1]
    return {
        reference_check.reference.integration_name: (reference_check.result.outcome, reference_check.requests)
        for reference_check in checked
    }


def test_connection_is_tried_by_its_own_check_and_by_its_actions(owner, upstream):
    secret = store_secret(owner)
    connection = make_connection(owner, upstream, headers=TENANT, check_path="/me")
    make_action(owner, uses="", base_url="", connection=str(connection.id))
    stage(owner, secret)
    assert results(owner, secret) == {"CRM API": ("passed", ("GET /me", "GET /me"))}


def test_connection_without_a_check_is_tried_by_its_actions(owner, upstream):
    secret = store_secret(owner)
    connection = make_connection(owner, upstream, headers=TENANT)
    stage(owner, secret)
    assert results(owner, secret)["CRM API"][0] == "not_checkable"
    make_action(owner, uses="", base_url="", connection=str(connection.id), check={"method": "GET", "path": "/me"})
    assert results(owner, secret) == {"CRM API": ("passed", ("GET /me",))}


def test_connector_is_tried_by_actions_that_reach_it_through_a_connection(owner, upstream):
    secret = store_secret(owner)
    connector = make_connector(owner)
    connection = make_connection(owner, upstream, auth_connector=str(connector.id), headers=[])
    make_action(owner, uses="", base_url="", connection=str(connection.id), check={"method": "GET", "path": "/me"})
    stage(owner, secret)
    assert results(owner, secret)[connector.name][0] == "passed"


@pytest.mark.parametrize(("new", "expected"), [(CLIENT_SECRET, "passed"), ("not-the-new-one", "failed")])
def test_client_secret_is_tried_at_the_token_endpoint(owner, new, expected):
    store_secret(owner, "crm.clientId", CLIENT_ID)
    secret = store_secret(owner, "crm.clientSecret", "the-old-client-secret")
    with token_server() as server:
        make_oauth(owner, server.url)
        stage(owner, secret, new)
        assert results(owner, secret) == {"CRM sign-in": (expected, ("Fetch an access token",))}


def test_hosts_follow_each_secret_to_where_it_is_sent(owner):
    connector = make_oauth(owner, "https://login.example.com")
    headers = [{"name": "X-Tenant", "value": "{secrets.tenant.key}"}]
    connection = make_connection(
        owner, base_url="https://api.example.com", auth_connector=str(connector.id), headers=headers
    )
    query = [{"name": "key", "value": "{secrets.other.key}"}]
    make_action(owner, uses="", base_url="", connection=str(connection.id), query=query)
    bearer = make_connector(owner, "Plain bearer", uses="bearer.key")
    make_action(owner, "Direct", uses="", base_url="https://direct.example.com", auth_connector=str(bearer.id))
    organization = owner.organization
    assert hosts_of(organization, "crm.clientSecret") == ["login.example.com"]
    assert hosts_of(organization, "tenant.key") == hosts_of(organization, "other.key") == ["api.example.com"]
    assert hosts_of(organization, "bearer.key") == ["direct.example.com"]
    uses = uses_of(references_by_name(organization, "bearer.key"), [])
    assert [(use.integration.name, use.via, use.host) for use in uses] == [
        ("Direct", "Plain bearer", "direct.example.com")
    ]
