"""A stored value is where the upstream receives it, and nowhere else, in no spelling.

Below the pages: everything is done through the API, against an upstream that sends back what it got in every spelling.
"""

import pytest
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from integrations.models import RotationCheck, Run
from integrations.transport import client
from secrets_app.models import SecretValue
from tests.peers.upstreams import answering, http
from tests.support.canary import (
    FORMS,
    VALUES,
    LeakSeen,
    Program,
    cache_surface,
    database_surfaces,
    echo_of,
    forms_of,
    leaks,
    watched_logs,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

CONFIG = {
    "method": "POST",
    "path": "/{secrets.crm.apiKey}",
    "query": [{"name": "key", "value": "{secrets.crm.apiKey}"}],
    "headers": [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}],
    "body": {"type": "json", "content": '{"key": "{secrets.crm.apiKey}"}'},
    "check": {"method": "GET", "path": "/me"},
}


@pytest.fixture
def upstream():
    """What arrived, and the address of an upstream that echoes every value in every spelling, also in headers."""
    received: list[bytes] = []

    def respond(request, connection):
        received.append(request)
        sent = next((text for text in VALUES.values() if text.encode() in request), "")
        status = "418 " + sent if len(received) % 2 else "200 OK"
        headers = (
            "Content-Type: application/json",
            *(f"X-{n}: {form.decode()}" for n, form in enumerate(forms_of(sent).values())),
        )
        connection.sendall(http(echo_of(sent) if len(received) % 3 else request, status=status, headers=headers))

    with answering(respond) as url:
        yield received, url


@pytest.fixture
def program(owner):
    """A program of the owner's organization."""
    return Program(owner)


def store(program, url):
    """Enter the marked values, and an action that sends them in every place; its path."""
    values = {environment.value: text for environment, text in VALUES.items()}
    program.call("POST", "/secrets", {"name": "crm.apiKey", "values": values})
    body = {"kind": "api_action", "name": "Echo", "environments": list(values), "config": {**CONFIG, "base_url": url}}
    return f"/integrations/{program.call('POST', '/integrations', body)['id']}"


def use(program, path):
    """Run and check it everywhere, and read everything that there is to read."""
    for environment in Environment:
        for _ in range(3):
            program.call("POST", f"{path}/run", {"environment": environment.value})
        program.call("POST", f"{path}/test", {"environment": environment.value})
    program.call("POST", f"{path}/run", {"environment": "staging", "params": {"unknown": 1}})
    secret = program.call("GET", "/secrets")["items"][0]["id"]
    for reading in (
        f"/secrets/{secret}",
        f"/secrets/{secret}/references",
        path,
        f"{path}/operations",
        "/integrations",
        "/runs",
    ):
        program.call("GET", reading)
    program.call("DELETE", f"/secrets/{secret}")
    return secret


def spoil(program, secret, path):
    """Requests with a value in the wrong place: refusals must not repeat it."""
    value = VALUES[Environment.STAGING]
    program.call("POST", "/secrets", {"name": "other", "values": {"live": value}})
    program.call("POST", "/secrets", {"name": "other", "values": {"staging": [value]}})
    program.call("POST", "/secrets", {"name": value, "description": value * 50})
    program.call("PATCH", f"/secrets/{secret}", {"values": {"staging": value + "\0"}, "allowed_domains": [value]})
    program.call("PATCH", path, {"config": {"base_url": f"https://{value}", "method": "POST"}})
    program.call("PATCH", path, {"config": {**CONFIG, "base_url": "https://a.example.com", "method": value}})
    program.call("POST", f"{path}/run", {"environment": value})
    program.call("POST", f"{path}/run", {"environment": "staging", "operation": value})
    program.call("PATCH", f"/secrets/{secret}", {"values": {"staging": "entered-again", "production": ""}})


def test_value_reaches_the_upstream_and_no_other_place(program, upstream):
    received, url = upstream
    with watched_logs() as logs:
        path = store(program, url)
        secret = use(program, path)
        spoil(program, secret, path)
    arrived = b"\n".join(received)
    assert [environment for environment, text in VALUES.items() if text.encode() not in arrived] == []
    assert (len(received), Run.objects.filter(outcome__in=["succeeded", "upstream_error"]).count()) == (12, 12)
    assert leaks({**program.answers, **database_surfaces(), "cache": cache_surface()}) == []
    assert (logs.seen, logs.lines > 0) == ([], True)


def rotate(program, secret, environment):
    """Every step of a rotation, done, refused and repeated, with the marked value."""
    path, value = f"/secrets/{secret}/rotation/{environment.value}", VALUES[environment]
    for wrong in (value + "\0", [value], {"value": value}, value * 4000):
        program.call("PUT", path, {"value": wrong})
    for _ in range(2):
        program.call("PUT", path, {"value": value})
        program.call("POST", f"{path}/check")
        program.call("POST", f"{path}/promote", {"accept_failures": value})
        program.call("POST", f"{path}/promote", {})
        program.call("POST", f"{path}/promote", {"accept_failures": True})
        program.call("POST", f"{path}/rollback")
    program.call("PUT", path, {"value": value})
    program.call("DELETE", path)
    program.call("PUT", path, {"value": value})
    program.call("POST", f"{path}/check")
    program.call("POST", f"{path}/promote", {"accept_failures": True})
    for reading in (f"/secrets/{secret}", "/secrets", "/runs"):
        program.call("GET", reading)
    assert "current" in set(SecretValue.objects.filter(environment=environment.value).values_list("state", flat=True))


def test_rotation_sends_the_value_to_the_upstream_and_shows_it_nowhere(program, upstream):
    from django.core.management import call_command

    received, url = upstream
    with watched_logs() as logs:
        secret = program.call("POST", "/secrets", {"name": "crm.apiKey", "value": "the-value-before"})["id"]
        body = {"kind": "api_action", "name": "Echo", "environments": list(Environment)}
        program.call("POST", "/integrations", {**body, "config": {**CONFIG, "base_url": url}})
        for environment in Environment:
            rotate(program, secret, environment)
        SecretValue.objects.filter(state="previous").update(rollback_until=timezone.now())
        call_command("housekeeping")
    arrived = b"\n".join(received)
    assert [environment for environment, text in VALUES.items() if text.encode() not in arrived] == []
    assert AuditEvent.objects.filter(event="secret.promoted").count() >= 6
    assert RotationCheck.objects.count() == 0
    assert leaks({**program.answers, **database_surfaces(), "cache": cache_surface()}) == []
    assert (logs.seen, logs.lines > 0) == ([], True)


@pytest.mark.parametrize("debug", [True, False])
def test_fault_while_a_value_is_in_scope_shows_nothing(program, upstream, settings, monkeypatch, debug):
    path = store(program, upstream[1])

    async def broken(request, *args, **kwargs):
        value = request.headers[0][1]  # noqa: F841 - in scope, as everything above it
        raise RuntimeError("fault")

    monkeypatch.setattr(client, "send", broken)
    settings.DEBUG = debug
    with watched_logs() as logs:
        for accept in ("text/html", "application/json"):
            program._headers["accept"] = accept
            response = program._client.post(
                f"/api/v1{path}/run",
                {"environment": "staging"},
                content_type="application/json",
                headers=program._headers,
            )
            assert response.status_code == 500
            assert leaks({"500": response.content}) == []
    assert logs.seen == []
    assert leaks(database_surfaces()) == []
    assert set(Run.objects.values_list("outcome", "error_code")) == {("failed", "internal_error")}


def test_value_that_cannot_be_sent_is_in_no_refusal(program, upstream):
    path = store(program, upstream[1])
    bad = {environment.value: text + "\r\nX-Injected: 1" for environment, text in VALUES.items()}
    secret = program.call("GET", "/secrets")["items"][0]["id"]
    program.call("PATCH", f"/secrets/{secret}", {"values": bad})
    with watched_logs() as logs:
        refusals = [program.call("POST", f"{path}/run", {"environment": name})["code"] for name in bad]
    assert refusals == ["invalid_header_value"] * 3
    assert upstream[0] == []
    assert leaks({**program.answers, **database_surfaces()}) == []
    assert logs.seen == []


def test_dump_of_the_models_holds_no_value(program, upstream, capsys):
    from django.core.management import call_command

    store(program, upstream[1])
    call_command("dumpdata", "secrets_app", "integrations", "accounts")
    assert leaks({"dumpdata": capsys.readouterr().out.encode()}) == []


@pytest.mark.parametrize("which", FORMS, ids=" ".join)
def test_search_finds_each_spelling(which):
    assert leaks({"somewhere": b"before " + FORMS[which] + b" after"}) != []


def test_log_canary_raises():
    import logging

    with watched_logs(), pytest.raises(LeakSeen):
        logging.getLogger("aiohttp.client").debug("sent %s", VALUES[Environment.STAGING])
