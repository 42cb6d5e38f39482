"""The pages of an MCP server: written, checked, its tools listed and approved, with and without htmx."""

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from integrations.models import Integration, RemoteTool, Run
from integrations.tools.approvals import approve_tool
from tests.peers import mcp
from tests.peers.odd_server import odd_server, result
from tests.peers.upstreams import closed_port
from tests.support.things import (
    VALUE,
    make_action,
    make_mcp_server,
    store_secret,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

HTMX = {"HX-Request": "true"}
BEARER = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
STAGING = {"environment": "staging"}


@pytest.fixture(scope="module")
def modern():
    """The SDK's server; it demands VALUE."""
    with mcp.modern(VALUE) as url:
        yield url


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


def test_tools_are_listed_in_the_panel_and_on_the_whole_page(as_owner, server):
    for headers in (HTMX, {}):
        shown = text_of(post(as_owner, "integration-tools", server, **headers))
        assert "5 tools" in shown
        assert "Finds people by name." in shown
        assert 'aria-label="Approve whoami"' in shown
    assert [run.operation for run in Run.objects.all()] == ["list_tools", "list_tools"]


def test_a_tool_is_approved_and_withdrawn(as_owner, server):
    sent = {"name": "search", "fingerprint": "a" * 64}
    shown = text_of(post(as_owner, "integration-tool-approve", server, sent, **HTMX))
    assert "Approved" in shown
    assert "Approve search" not in shown
    page = text_of(as_owner.get(address("integration-edit", server)))
    assert "1 tool approved" in page
    listed = text_of(post(as_owner, "integration-tools", server, **HTMX))
    assert "1 tool changed since it was approved" in listed
    assert "Approve again" in listed
    shown = text_of(post(as_owner, "integration-tool-withdraw", server, sent, **HTMX))
    assert 'aria-label="Approve search"' in shown
    assert not RemoteTool.objects.exists()


def test_approving_without_htmx_leads_back_to_the_page(as_owner, server):
    sent = {"name": "search", "fingerprint": "a" * 64}
    for name, word in (("integration-tool-approve", "Approved search"), ("integration-tool-withdraw", "Withdrew")):
        response = post(as_owner, name, server, sent)
        assert (response.status_code, response["Location"]) == (303, address("integration-edit", server))
        assert word in text_of(as_owner.get(response["Location"]))


def test_texts_of_the_server_are_shown_as_text(as_owner, owner):
    evil = {
        "name": "<script>alert(1)</script>\u202e",
        "title": "<b>bold</b>",
        "description": "<img src=x onerror=alert(1)> \u202ehidden\u200b\U000e0041 {{ secrets }} {secrets.crm.apiKey}",
        "inputSchema": {"type": "object", "description": "</pre><script>"},
    }
    with odd_server({"tools/list": lambda message, _: result(message, {"tools": [evil]})}) as odd:
        shown = text_of(post(as_owner, "integration-tools", make_mcp_server(owner, odd.url), **HTMX))
    for raw in ("<script>", "<b>", "<img", "\u202e", "\u200b", "\U000e0041", "</pre><script>"):
        assert raw not in shown
    assert r"\u{202e}hidden\u{200b}\u{e0041}" in shown
    assert "{secrets.crm.apiKey}" in shown
    assert "Its name cannot be shown safely" in shown


def test_why_there_is_no_list(as_owner, owner):
    away = make_mcp_server(owner, f"http://127.0.0.1:{closed_port()}/mcp", "Away")
    shown = text_of(post(as_owner, "integration-tools", away, **HTMX))
    assert "could not be reached" in shown
    assert "upstream_unreachable" in shown


def test_a_wrong_key_is_told(as_owner, owner, modern):
    store_secret(owner, value="wrong-horse-battery")
    server = make_mcp_server(owner, modern, headers=BEARER)
    assert "refused the credential" in text_of(post(as_owner, "integration-tools", server, **HTMX))
    assert "refused the credential" in text_of(post(as_owner, "integration-check", server, **HTMX))


def test_an_environment_is_needed(as_owner, server):
    assert "Choose an environment" in text_of(post(as_owner, "integration-tools", server, {}), 422)


def test_what_cannot_be_approved_is_said(as_owner, server):
    sent = {"name": "search", "fingerprint": "no"}
    assert "Enter the fingerprint" in text_of(post(as_owner, "integration-tool-approve", server, sent), 422)


def test_a_tool_is_called_from_the_test_panel(as_owner, server):
    sent = {**STAGING, "operation": "call_tool", "arg_name": "search", "arg_arguments": '{"region": "north"}'}
    shown = text_of(post(as_owner, "integration-test", server, sent, **HTMX))
    assert "found somebody in north" in shown
    assert "tools/call" in shown


def test_members_and_strangers_have_no_part_in_it(as_member, as_outsider, owner, server):
    approve_tool(actor=owner, integration_id=server.id, name="search", fingerprint="a" * 64)
    sent = {"name": "search", "fingerprint": "b" * 64, **STAGING}
    for name in ("integration-tools", "integration-tool-approve", "integration-tool-withdraw"):
        assert post(as_member, name, server, sent).status_code == 403
        assert post(as_outsider, name, server, sent).status_code == 404
    assert RemoteTool.objects.get().approved_fingerprint == "a" * 64
    assert not Run.objects.exists()


def test_other_kinds_have_no_tools(as_owner, owner):
    action = make_action(owner, uses="", environments=[Environment.STAGING])
    assert "List tools" not in text_of(as_owner.get(address("integration-edit", action)))
    assert post(as_owner, "integration-tools", action).status_code == 404
