"""Pages of tools are kept as long as nothing that they show changes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from integrations.editing.integrations import IntegrationChanges, delete_integration, update_integration
from integrations.models import RemoteTool
from integrations.tools.settings import change_tool
from integrations.tools.tool_pages import ToolPages, stamps_of
from secrets_app.editing.deleting import delete_secret
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import set_enabled, update_secret
from secrets_app.plaintext import Plaintext
from tests.support.things import make_action, make_connector, make_mcp_server, store_secret

pytestmark = pytest.mark.django_db(transaction=True)

S = Environment.STAGING


def test_a_page_is_read_once_until_something_changes(owner):
    make_action(owner)
    pages = ToolPages()
    first = pages.get(owner, S)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert pages.get(owner, S) is first
    assert len(queries) == 1
    assert pages.get(owner, Environment.PRODUCTION).items == []
    make_action(owner, "Another")
    assert len(pages.get(owner, S).items) == 2


def test_every_change_of_what_is_shown_moves_the_stamp(owner):
    """One row after the other, through the services; a stamp that did not move would show an old list."""
    action, secret, connector = make_action(owner), store_secret(owner), make_connector(owner)
    spare = store_secret(owner, "spare.key")
    server = make_mcp_server(owner)
    remote = RemoteTool.objects.create(integration=server, name="search")
    acts = {
        "the connector is disabled": lambda: update_integration(
            actor=owner, integration_id=connector.id, changes=IntegrationChanges(enabled=False)
        ),
        "the description": lambda: update_integration(
            actor=owner, integration_id=action.id, changes=IntegrationChanges(description="New")
        ),
        "the name for agents": lambda: update_integration(
            actor=owner, integration_id=action.id, changes=IntegrationChanges(tool_name="found")
        ),
        "a hint": lambda: change_tool(
            actor=owner,
            integration_id=action.id,
            tool_id=action.agent_tools.get().id,
            changes={"read_only": False},
        ),
        "a definition": lambda: RemoteTool.objects.filter(pk=remote.pk).update(shown_definition={"a": 1}),
        "a secret is disabled": lambda: set_enabled(actor=owner, secret_id=secret.id, enabled=False),
        "a secret is enabled": lambda: set_enabled(actor=owner, secret_id=secret.id, enabled=True),
        "a value goes": lambda: update_secret(
            actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: None})
        ),
        "a value comes": lambda: update_secret(
            actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext("another-value")})
        ),
        "a secret goes": lambda: delete_secret(actor=owner, secret_id=spare.id),
        "a secret comes": lambda: store_secret(owner, "spare.key", environments=ALL_ENVIRONMENTS),
        "an integration goes": lambda: delete_integration(actor=owner, integration_id=server.id),
    }
    unmoved = []
    for name, act in acts.items():
        before = stamps_of([owner.organization.pk])
        act()
        if stamps_of([owner.organization.pk]) == before:
            unmoved.append(name)
    assert unmoved == []


def test_a_use_of_a_secret_moves_no_stamp(owner):
    secret = store_secret(owner)
    before = stamps_of([owner.organization.pk])
    type(secret).objects.filter(pk=secret.pk).update(last_used_at=secret.created_at)
    assert stamps_of([owner.organization.pk]) == before
