"""The pages of an MCP server: written, checked, its tools listed and approved, with and without htmx."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from integrations.models import Integration, RemoteTool, Run, ToolListing
from tests.peers.odd_server import odd_server, result
from tests.peers.upstreams import closed_port
from tests.support.things import (
    TOOL,
    VALUE,
    approve_shown,
    make_action,
    make_mcp_server,
    show_tools,
    store_secret,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

HTMX = {"HX-Request": "true"}
BEARER = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
STAGING = {"environment": "staging"}


@pytest.fixture
def server(owner, modern):
    store_secret(owner)
    return make_mcp_server(owner, modern, headers=BEARER)


def address(name, integration):
    return reverse(name, args=[integration.organization.slug, integration.id])


def post(browser, name, integration, data=STAGING, **headers):
    return browser.post(address(name, integration), data, headers=headers)


def text_of(response, status=200):
    assert response.status_code == status, response.content
    assert VALUE not in response.content.decode()
    return response.content.decode()


def test_a_server_is_written_on_its_page(as_owner, owner):
    store_secret(owner)
    path = reverse("integration-new", args=[owner.organization.slug, "mcp_server"])
    assert "The URL cannot hold a secret" in text_of(as_owner.get(path))
    sent = {
        "name": "CRM tools",
        "environments": ["staging"],
        "enabled": "on",
        "url": "https://mcp.example.com/mcp",
        "timeout_seconds": "30",
        "headers_name": ["X-Api-Key"],
        "headers_value": ["{secrets.crm.apiKey}"],
        "query_name": ["tenant"],
        "query_value": ["{secrets.crm.apiKey}"],
    }
    assert as_owner.post(path, sent).status_code == 303
    saved = Integration.objects.get()
    assert saved.config == {
        "url": "https://mcp.example.com/mcp",
        "headers": [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}],
        "query": [{"name": "tenant", "value": "{secrets.crm.apiKey}"}],
        "timeout_seconds": 30,
    }
    assert {row.slot for row in saved.references.all()} == {"headers.X-Api-Key", "query.tenant"}
    listed = text_of(as_owner.get(reverse("integrations", args=[owner.organization.slug]) + "?q=mcp.example"))
    assert "mcp.example.com/mcp" in listed


def test_what_is_wrong_stands_at_its_field(as_owner, owner):
    path = reverse("integration-new", args=[owner.organization.slug, "mcp_server"])
    sent = {"name": "x", "url": "https://{secrets.x}/", "headers_name": ["Mcp-Method"], "headers_value": ["x"]}
    page = text_of(as_owner.post(path, sent), 422)
    assert 'id="e-url"' in page
    assert 'id="e-headers_name-0"' in page


def test_the_check_shows_its_steps(as_owner, server):
    shown = text_of(post(as_owner, "integration-check", server, **HTMX))
    assert "The server speaks MCP 2026-07-28." in shown
    assert "The server offers 5 tools." in shown


def test_tools_are_listed_and_stay_on_the_page(as_owner, server):
    assert "No tools yet" in text_of(as_owner.get(address("integration-tools", server)))
    for headers in (HTMX, {}):
        response = post(as_owner, "integration-tools-list", server, **headers)
        shown = text_of(as_owner.get(response["Location"]) if response.status_code == 303 else response)
        assert "Finds people by name." in shown
        assert 'Approve<span class="vh"> whoami</span>' in shown
    assert [run.operation for run in Run.objects.all()] == ["list_tools", "list_tools"]
    assert "5 tools are new" in shown
    assert "0 of 5 approved, 5 new." in text_of(as_owner.get(address("integration-edit", server)))


def test_a_tool_is_approved_and_withdrawn(as_owner, owner, server):
    (tool,) = show_tools(owner, server)
    sent = {"name": "search", "fingerprint": tool.fingerprint}
    shown = text_of(post(as_owner, "integration-tools-approve", server, sent, **HTMX))
    assert 'aria-label="Withdraw the approval of search"' in shown
    assert 'Approve<span class="vh"> search' not in shown
    assert "1 of 1 approved." in text_of(as_owner.get(address("integration-edit", server)))
    listed = text_of(post(as_owner, "integration-tools-list", server, **HTMX))
    assert "1 tool changed since it was approved, and 4 are new" in listed
    assert "What changed: Description, Parameters" in listed
    shown = text_of(post(as_owner, "integration-tool-withdraw", server, sent, **HTMX))
    assert 'Approve<span class="vh"> search</span>' in shown
    assert not RemoteTool.objects.exclude(approved_fingerprint="").exists()


def test_all_that_are_shown_are_approved_at_once(as_owner, owner, server):
    shown = show_tools(owner, server, *(TOOL | {"name": f"tool_{number}"} for number in range(60)))
    assert "Approve all 50 below" in text_of(as_owner.get(address("integration-tools", server)))
    sent = {"name": [tool.name for tool in shown], "fingerprint": [tool.fingerprint for tool in shown]}
    response = post(as_owner, "integration-tools-approve", server, sent)
    assert "Approved 60 tools" in text_of(as_owner.get(response["Location"]))
    assert RemoteTool.objects.exclude(approved_fingerprint="").count() == 60


def rows_of(page):
    return re.findall(r'<strong class="mono">(\w+)</strong>', page)


def test_what_changed_comes_first_with_the_words_that_changed(as_owner, owner, server):
    gone, changed = TOOL | {"name": "a_gone"}, TOOL | {"name": "z_changed", "title": "Search <b>"}
    approve_shown(owner, server, TOOL, gone, changed)
    show_tools(owner, server, TOOL, changed | {"description": "Finds\u202e people & places."}, TOOL | {"name": "new"})
    path = address("integration-tools", server)
    page = text_of(as_owner.get(path))
    assert r"Finds<ins>\u{202e}</ins> people<ins> &amp; places</ins>." in page
    assert rows_of(page) == ["z_changed", "new", "search", "a_gone"]
    assert "No longer offered" in page
    assert "Search &lt;b&gt;" in page
    for query, expected in (("?q=CHANGED", ["z_changed"]), ("?state=gone", ["a_gone"]), ("?q=nothing", [])):
        assert rows_of(text_of(as_owner.get(path + query, headers=HTMX))) == expected
    assert as_owner.get(path + "?cursor=x").status_code == 422


def test_lists_of_tools_come_in_pages(as_owner, owner, server):
    show_tools(owner, server, *(TOOL | {"name": f"tool_{number:02}"} for number in range(60)))
    path, found = address("integration-tools", server), []
    while path:
        page = text_of(as_owner.get(path))
        found += rows_of(page)
        following = re.search(r'href="([^"]*cursor[^"]*)"', page)
        path = following and following[1].replace("&amp;", "&")
    assert found == [f"tool_{number:02}" for number in range(60)]


def test_what_was_approved_before_it_was_kept_is_said(as_owner, owner, server):
    RemoteTool.objects.create(integration=server, name="search", approved_fingerprint="a" * 64, approved_by="Mara")
    page = text_of(as_owner.get(address("integration-tools", server)))
    assert 'aria-label="Withdraw the approval of search"' in page
    show_tools(owner, server)
    assert "What was approved was not kept then" in text_of(as_owner.get(address("integration-tools", server)))


def test_the_switch_is_turned(as_owner, owner, server):
    approve_shown(owner, server)
    for sent, expected, word in (({"only_approved": "on"}, True, "only approved tools"), ({}, False, "all tools")):
        response = post(as_owner, "integration-only-approved", server, sent)
        assert word in text_of(as_owner.get(response["Location"]))
        server.refresh_from_db()
        assert server.only_approved_tools is expected
    events = AuditEvent.objects.filter(event="integration.changed")
    assert [event.data["fields"] for event in events] == [["only_approved_tools"]] * 2
    shown = text_of(post(as_owner, "integration-only-approved", server, {"only_approved": "on"}, **HTMX))
    assert "Withdraw the approval of search" in shown


def test_a_server_that_said_that_its_tools_changed_is_to_be_listed(as_owner, owner, server):
    approve_shown(owner, server)
    ToolListing.objects.update(announced_at=timezone.now())
    assert "says that its tools have changed" in text_of(as_owner.get(address("integration-tools", server)))


def test_approving_without_htmx_leads_back_to_the_page(as_owner, owner, server):
    (tool,) = show_tools(owner, server)
    sent = {"name": "search", "fingerprint": tool.fingerprint}
    for name, word in (("integration-tools-approve", "Approved search"), ("integration-tool-withdraw", "Withdrew")):
        response = post(as_owner, name, server, sent)
        assert (response.status_code, response["Location"]) == (303, address("integration-tools", server))
        assert word in text_of(as_owner.get(response["Location"]))


def test_texts_of_the_server_are_shown_as_text(as_owner, owner):
    evil = {
        "name": "<script>alert(1)</script>",
        "title": "<b>bold</b>",
        "description": "<img src=x onerror=alert(1)> \u202ehidden\u200b\U000e0041 {{ secrets }} {secrets.crm.apiKey}",
        "inputSchema": {"type": "object", "description": "</pre><script>"},
    }
    tools = [evil, TOOL | {"name": "hidden\u202ename"}]
    with odd_server({"tools/list": lambda message, _: result(message, {"tools": tools})}) as odd:
        shown = text_of(post(as_owner, "integration-tools-list", make_mcp_server(owner, odd.url), **HTMX))
    for raw in ("<script>", "<b>", "<img", "\u202e", "\u200b", "\U000e0041", "</pre><script>"):
        assert raw not in shown
    assert r"\u{202e}hidden\u{200b}\u{e0041}" in shown
    assert "{secrets.crm.apiKey}" in shown
    assert "1 left out, because its name cannot be shown safely" in shown


def test_why_there_is_no_list(as_owner, owner):
    away = make_mcp_server(owner, f"http://127.0.0.1:{closed_port()}/mcp", "Away")
    shown = text_of(post(as_owner, "integration-tools-list", away, **HTMX))
    assert "could not be reached" in shown
    assert "upstream_unreachable" in shown


def test_a_wrong_key_is_told(as_owner, owner, modern):
    store_secret(owner, value="wrong-horse-battery")
    server = make_mcp_server(owner, modern, headers=BEARER)
    assert "refused the credential" in text_of(post(as_owner, "integration-tools-list", server, **HTMX))
    assert "refused the credential" in text_of(post(as_owner, "integration-check", server, **HTMX))


def test_an_environment_is_needed(as_owner, server):
    assert "Choose an environment" in text_of(post(as_owner, "integration-tools-list", server, {}), 422)


def test_what_cannot_be_approved_is_said(as_owner, owner, server):
    show_tools(owner, server)
    for fingerprint, said in (("no", "Enter the fingerprint"), ("a" * 64, "List the tools again")):
        sent = {"name": "search", "fingerprint": fingerprint}
        for headers in ({}, HTMX):
            assert said in text_of(post(as_owner, "integration-tools-approve", server, sent, **headers), 422)


def test_a_tool_is_called_from_the_test_panel(as_owner, server):
    sent = {**STAGING, "operation": "call_tool", "arg_name": "search", "arg_arguments": '{"region": "north"}'}
    shown = text_of(post(as_owner, "integration-test", server, sent, **HTMX))
    assert "found somebody in north" in shown
    assert "tools/call" in shown


def test_a_tool_that_is_not_approved_is_not_called_from_the_test_panel(as_owner, owner, modern):
    server = make_mcp_server(owner, modern, only_approved_tools=True)
    sent = {**STAGING, "operation": "call_tool", "arg_name": "search", "arg_arguments": "{}"}
    shown = text_of(post(as_owner, "integration-test", server, sent, **HTMX))
    assert "tool_not_approved" in shown
    assert f'{address("integration-tools", server)}">Open it</a>' in shown


def test_members_and_strangers_have_no_part_in_it(as_member, as_outsider, owner, server):
    approve_shown(owner, server)
    (tool,) = show_tools(owner, server, TOOL | {"title": "Search"})
    sent = {"name": "search", "fingerprint": tool.fingerprint, **STAGING}
    acts = ("integration-tools-list", "integration-tools-approve", "integration-tool-withdraw")
    for name in (*acts, "integration-only-approved"):
        assert post(as_member, name, server, sent).status_code == 403
        assert post(as_outsider, name, server, sent).status_code == 404
    assert as_member.get(address("integration-tools", server)).status_code == 403
    assert as_outsider.get(address("integration-tools", server)).status_code == 404
    assert RemoteTool.objects.get().state == "changed"
    assert not Run.objects.exists()


def test_other_kinds_have_no_tools(as_owner, owner):
    action = make_action(owner, uses="", environments=[Environment.STAGING])
    assert address("integration-tools", action) not in text_of(as_owner.get(address("integration-edit", action)))
    assert post(as_owner, "integration-tools-list", action).status_code == 404
    assert as_owner.get(address("integration-tools", action)).status_code == 404
