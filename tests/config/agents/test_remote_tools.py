"""A tool of an MCP server that nobody approved, or that has changed, as an agent meets it."""

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import Run
from tests.support.api.agents import ERAS, call, speak
from tests.support.things import TOOL, approve_shown, key_for, make_mcp_server, show_tools

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("era", ERAS)
def test_a_tool_is_called_as_a_person_approved_it_or_not_at_all(owner, era):
    server = make_mcp_server(owner, only_approved_tools=True)
    key = key_for(owner, Scope.RUN, environments=[Environment.STAGING])
    page = settings.SITE_URL + reverse("integration-tools", args=[owner.organization.slug, server.id])

    async def names(session):
        return [tool.name for tool in (await session.list_tools()).tools]

    for prepare, listed, code in (
        (lambda: show_tools(owner, server), [], "tool_not_approved"),
        (lambda: approve_shown(owner, server), ["crm_tools_search"], ""),
        (lambda: show_tools(owner, server, TOOL | {"title": "Send all"}), [], "tool_changed"),
    ):
        prepare()
        assert speak(key, names, era=era) == listed
        if code:
            refused = speak(key, call("crm_tools_search"), era=era)
            assert refused.is_error
            assert (refused.structured_content["code"], refused.structured_content["page"]) == (code, page)
            assert page in refused.content[0].text
    assert [run.error_code for run in Run.objects.order_by("started_at")] == ["tool_not_approved", "tool_changed"]
