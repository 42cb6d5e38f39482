"""Housekeeping lists the tools of MCP servers anew; a server that says that they changed is listed at the next."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.common.environments import Environment
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration, RemoteTool, Run, ToolListing
from integrations.tools.refreshing import refresh_due
from tests.peers.odd_server import event, odd_server, result
from tests.peers.upstreams import closed_port
from tests.support.things import TOOL, approve_shown, make_mcp_server, show_tools, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db, pytest.mark.usefixtures("inline")]

CHANGED = TOOL | {"description": "Sends everything elsewhere."}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
ANNOUNCED = event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})


@contextmanager
def serving(*tools, call=None):
    answers = {"tools/list": lambda message, _: result(message, {"tools": list(tools)})}
    with odd_server(answers | ({"tools/call": call} if call else {})) as odd:
        yield odd.url


def long_ago(server):
    ToolListing.objects.filter(integration=server).update(asked_at=timezone.now() - timedelta(days=2))


def refreshed():
    return refresh_due(command="housekeeping")


def test_a_change_shows_before_anybody_looks(owner, capsys):
    with serving(CHANGED) as url:
        server = make_mcp_server(owner, url, environments=list(Environment))
        approve_shown(owner, server)
        assert refreshed() == (0, 0)
        long_ago(server)
        call_command("housekeeping")
    assert "Listed the tools of MCP servers: 1. Not answered: 0." in capsys.readouterr().out
    assert RemoteTool.objects.get().state == "changed"
    run = Run.objects.get()
    assert (run.operation, run.outcome, run.environment, run.caller) == (
        "list_tools", "succeeded", "staging", "manage.py housekeeping",
    )  # fmt: skip
    assert refreshed() == (0, 0)


def test_a_server_that_does_not_answer_does_not_stop_the_rest(owner):
    away = make_mcp_server(owner, f"http://127.0.0.1:{closed_port()}/mcp", "Away")
    waiting = make_mcp_server(owner, name="Waits", query=[{"name": "k", "value": "{secrets.no}"}])
    with serving(TOOL) as url:
        well = make_mcp_server(owner, url, "Well")
        for server in (away, waiting, well):
            approve_shown(owner, server)
            long_ago(server)
        assert refreshed() == (1, 2)
    assert refreshed() == (0, 0)
    assert set(Run.objects.values_list("integration_name", "outcome")) == {
        ("Away", "failed"),
        ("Waits", "refused"),
        ("Well", "succeeded"),
    }


def test_only_servers_are_listed_that_agents_use(owner):
    disabled = make_mcp_server(owner, name="Disabled")
    nowhere = make_mcp_server(owner, name="Nowhere")
    for server in (disabled, nowhere):
        approve_shown(owner, server)
        long_ago(server)
    unapproved = make_mcp_server(owner, name="Unapproved")
    show_tools(owner, unapproved)
    long_ago(unapproved)
    Integration.objects.filter(pk=disabled.pk).update(enabled=False)
    Integration.objects.filter(pk=nowhere.pk).update(environments=frozenset())
    assert refreshed() == (0, 0)
    assert not Run.objects.exists()


def test_it_ends_in_time_and_those_that_waited_longest_come_first(owner, monkeypatch):
    with serving(TOOL) as url:
        servers = [make_mcp_server(owner, url, f"Server {number}") for number in range(3)]
        for days, server in enumerate(servers, 2):
            approve_shown(owner, server)
            ToolListing.objects.filter(integration=server).update(asked_at=timezone.now() - timedelta(days=days))
        ticks = iter([0, 1, 10_000])
        assert refresh_due(command="housekeeping", clock=lambda: next(ticks)) == (1, 0)
        assert Run.objects.get().integration_name == "Server 2"
        monkeypatch.setattr("integrations.tools.refreshing.AT_MOST", 1)
        assert refreshed() == (1, 0)
    assert set(Run.objects.values_list("integration_name", flat=True)) == {"Server 1", "Server 2"}


def test_a_server_at_another_address_is_listed_anew(owner):
    """What was approved at the old address may not be what the new one has."""
    with serving(TOOL) as old, serving(CHANGED) as new:
        server = make_mcp_server(owner, old)
        approve_shown(owner, server)
        for changes in (
            IntegrationChanges(name="Renamed"),
            IntegrationChanges(config={"url": old, "timeout_seconds": 9}),
        ):
            update_integration(actor=owner, integration_id=server.id, changes=changes)
        assert refreshed() == (0, 0)
        update_integration(actor=owner, integration_id=server.id, changes=IntegrationChanges(config={"url": new}))
        assert refreshed() == (1, 0)
    assert RemoteTool.objects.get().state == "changed"


def test_a_server_that_says_so_during_a_call_is_listed_at_the_next(owner, run):
    def call(message, sock):
        sock.sendall(HEAD + ANNOUNCED * 3)
        sock.sendall(event({"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}}))
        return b""

    store_secret(owner)
    with serving(CHANGED, call=call) as url:
        server = make_mcp_server(owner, url)
        approve_shown(owner, server)
        run(owner, server, Environment.STAGING, "call_tool", {"name": "search"})
        assert ToolListing.objects.get().announced_at
        assert refreshed() == (1, 0)
        assert ToolListing.objects.get().announced_at is None
    assert [tool.state for tool in RemoteTool.objects.all()] == ["changed"]
