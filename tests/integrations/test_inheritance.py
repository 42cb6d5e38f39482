"""Actions that take address, headers, query and credential from an API connection, against a real upstream."""

import base64
import copy
import pickle

import pytest

from accounts.common.environments import Environment
from accounts.common.fields import WrittenNumber, write_json
from accounts.errors import Invalid, Refusal
from integrations.editing.integrations import (
    IntegrationChanges,
    create_integration,
    delete_integration,
    update_integration,
)
from integrations.errors import IntegrationInUse
from integrations.inheritance import parsed
from integrations.models import Integration, Run
from integrations.readiness.warnings import warnings_for
from secrets_app.editing.secrets import set_enabled
from tests.peers.upstreams import answering, http
from tests.support.things import make_action, make_connection, make_connector, store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION


def action_on(actor, connection, **config):
    return make_action(actor, uses="", base_url="", connection=str(connection.id), **config)


def test_a_configuration_that_is_read_brings_its_text_and_one_that_replaces_it_is_another(owner):
    declared = {"type": "object", "properties": {"amount": {"type": "number", "default": WrittenNumber("18.00")}}}
    query = [{"name": "amount", "value": "{params.amount}"}]
    made = make_action(owner, uses="", path="/one", parameters=declared, query=query)
    action = Integration.objects.get(pk=made.pk)
    assert action.config.text == write_json(action.config)
    assert '"default": 18.00' in action.config.text
    assert parsed(action).path == "/one"
    for copied in (copy.copy(action.config), copy.deepcopy(action.config), pickle.loads(pickle.dumps(action.config))):
        assert (type(copied), copied) == (dict, action.config)
        copied["path"] = "/two"
        action.config = copied
        assert parsed(action).path == "/two"
        action.refresh_from_db()
        assert parsed(action).path == "/one"


@pytest.fixture
def upstream():
    """Its address, and the heads of the requests that it got."""
    received = []

    def respond(request, sock):
        received.append(request.decode())
        sock.sendall(http(b"{}"))

    with answering(respond) as url:
        yield url, received


def test_an_action_sends_what_its_connection_and_its_connector_add(owner, run, upstream):
    url, received = upstream
    store_secret(owner), store_secret(owner, "tenant.key", "tenant-value-1")
    connection = make_connection(
        owner,
        f"{url}/v2",
        auth_connector=str(make_connector(owner).id),
        headers=[{"name": "X-Tenant", "value": "{secrets.tenant.key}"}, {"name": "X-Both", "value": "connection"}],
        query=[{"name": "locale", "value": "de"}, {"name": "limit", "value": "1"}],
    )
    action = action_on(
        owner,
        connection,
        headers=[{"name": "x-both", "value": "action"}],
        query=[{"name": "limit", "value": "3"}],
    )
    result = run(owner, action, S)
    assert result.outcome == "succeeded"
    (request,) = received
    assert request.startswith("GET /v2/patients?locale=de&limit=3 HTTP/1.1")
    assert "X-Tenant: tenant-value-1" in request
    assert "x-both: action" in request
    assert "X-Both: connection" not in request
    assert "Authorization: Bearer correct-horse-battery" in request
    assert {used.name for used in Run.objects.get().secrets.all()} == {"crm.apiKey", "tenant.key"}


def test_an_actions_own_connector_comes_before_that_of_its_connection(owner, run, upstream):
    url, received = upstream
    store_secret(owner), store_secret(owner, "other", "other-value-22")
    connection = make_connection(owner, url, auth_connector=str(make_connector(owner).id))
    own = make_connector(owner, "Own", uses="other")
    run(owner, action_on(owner, connection, auth_connector=str(own.id)), S)
    assert "Authorization: Bearer other-value-22" in received[0]


def test_basic_authentication_is_sent_and_masked(owner, run):
    store_secret(owner, "crm.password", 'pä:ss"wörd')
    sent = base64.b64encode('agent:pä:ss"wörd'.encode()).decode()

    def echo(request, sock):
        sock.sendall(http(request, headers=(f"X-Echo: {sent}",)))

    with answering(echo) as url:
        connector = create_integration(
            actor=owner,
            kind="auth_connector",
            name="Basic",
            environments=[S],
            config={"type": "basic", "username": "agent", "password": "{secrets.crm.password}"},
        )
        result = run(owner, make_action(owner, uses="", base_url=url, auth_connector=str(connector.id)), S)
    assert result.answer.masked == ["crm.password"]
    assert dict(result.answer.headers)["X-Echo"] == "[redacted]"  # the whole credential, not the password in it alone
    assert sent not in str(result.as_json())
    assert dict(result.request.headers)["Authorization"].endswith("••••••••")


@pytest.mark.parametrize("value", ["us:er-name", "line\nbreak-1"])
def test_a_user_name_that_basic_cannot_carry_is_refused(owner, run, value):
    store_secret(owner, "crm.user", value)
    connector = create_integration(
        actor=owner,
        kind="auth_connector",
        name="Basic",
        environments=[S],
        config={"type": "basic", "username": "{secrets.crm.user}", "password": "x"},
    )
    with pytest.raises(Refusal) as refusal:
        run(owner, make_action(owner, uses="", auth_connector=str(connector.id)), S)
    assert refusal.value.code == "invalid_header_value"
    assert value not in refusal.value.detail


def test_the_check_of_an_action_is_that_of_its_connection(owner, inline, upstream):
    from asgiref.sync import async_to_sync

    from integrations.broker.checking import check

    url, received = upstream
    store_secret(owner)
    connection = make_connection(owner, url, check_path="/v1/me", auth_connector=str(make_connector(owner).id))
    for integration in (action_on(owner, connection), connection):
        (step,) = async_to_sync(check)(owner, integration.id, S)
        assert (step.outcome, step.detail) == ("passed", "The upstream answered 200.")
    assert [request.split(" HTTP")[0] for request in received] == ["GET /v1/me", "GET /v1/me"]


def codes(integration):
    return [warning.code for warning in warnings_for(integration)]


def test_every_link_must_be_enabled_and_run_here(owner, run):
    store_secret(owner)
    connection = make_connection(owner, enabled=False)
    action = action_on(owner, connection)
    assert codes(action) == ["integration_disabled"]
    with pytest.raises(Refusal) as refusal:
        run(owner, action, S)
    assert refusal.value.code == "integration_disabled"


def test_moving_a_connection_shows_which_secrets_may_not_follow(owner):
    store_secret(owner, allowed_domains=["api.example.com"])
    connection = make_connection(owner)
    action = action_on(owner, connection, headers=[{"name": "X-Key", "value": "{secrets.crm.apiKey}"}])
    assert codes(action) == []
    changes = IntegrationChanges(config={"base_url": "https://other.example.net"})
    update_integration(actor=owner, integration_id=connection.id, changes=changes)
    action.refresh_from_db()
    assert codes(action) == ["domain_not_allowed"]


def test_a_disabled_secret_of_the_connection_stops_the_action(owner, run):
    secret = store_secret(owner)
    connection = make_connection(owner, headers=[{"name": "X-Key", "value": "{secrets.crm.apiKey}"}])
    action = action_on(owner, connection)
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    with pytest.raises(Refusal) as refusal:
        run(owner, action, S)
    assert refusal.value.code == "secret_disabled"


def test_a_connection_in_use_is_not_deleted(owner):
    connection = make_connection(owner)
    action = action_on(owner, connection)
    with pytest.raises(IntegrationInUse) as refusal:
        delete_integration(actor=owner, integration_id=connection.id)
    assert refusal.value.dependants == [action]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"base_url": "https://api.example.com", "connection": "THEIRS"}, "config.base_url"),
        ({"base_url": ""}, "config.base_url"),
        ({"base_url": "", "connection": "OTHER"}, "config.connection"),
        ({"base_url": "", "connection": "CONNECTOR"}, "config.connection"),
    ],
)
def test_an_action_has_one_address_of_its_own_organization(owner, outsider, config, field):
    ids = {
        "THEIRS": make_connection(owner).id,
        "OTHER": make_connection(outsider).id,
        "CONNECTOR": make_connector(owner).id,
    }
    named = {name: str(ids.get(value, value)) if name == "connection" else value for name, value in config.items()}
    with pytest.raises(Invalid) as refusal:
        make_action(owner, uses="", **named)
    assert [error.field for error in refusal.value.errors] == [field]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"base_url": "https://{secrets.x}.example.com"}, "config.base_url"),
        ({"headers": [{"name": "X", "value": "{params.id}"}]}, "config.headers[0].value"),
        ({"query": [{"name": "x", "value": "{params.id}"}]}, "config.query[0].value"),
        ({"check_path": "/{params.id}"}, "config.check_path"),
        ({"check_path": "me"}, "config.check_path"),
        ({"headers": [{"name": "Host", "value": "x"}]}, "config.headers[0].name"),
        ({"timeout_seconds": 0}, "config.timeout_seconds"),
        ({"method": "GET"}, "config.method"),
    ],
)
def test_a_connection_that_cannot_be_is_refused(owner, config, field):
    with pytest.raises(Invalid) as refusal:
        make_connection(owner, **({"base_url": "https://api.example.com"} | config))
    assert field in [error.field for error in refusal.value.errors]


def test_an_edit_that_collides_with_an_action_is_refused(owner):
    connection = make_connection(owner)
    action_on(owner, connection, headers=[{"name": "Authorization", "value": "Bearer abc"}])
    config = {"base_url": "https://api.example.com", "auth_connector": str(make_connector(owner).id)}
    with pytest.raises(Invalid) as refusal:
        update_integration(actor=owner, integration_id=connection.id, changes=IntegrationChanges(config=config))
    assert "Look up patient" in refusal.value.errors[0].message
