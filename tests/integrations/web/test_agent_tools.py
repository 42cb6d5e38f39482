"""The pages of an integration's tools for agents: names, hints and limits."""

import pytest

from accounts.common.environments import Environment
from integrations.tools.answers import Limits
from tests.support.things import find_tool

pytestmark = pytest.mark.django_db

S = Environment.STAGING


@pytest.fixture
def pages(action):
    """The addresses of the list and of the only tool."""
    start = f"/o/harbor-clinics/integrations/{action.id}/agent-tools/"
    return start, f"{start}{action.agent_tools.get().id}/"


def test_list_shows_names_and_is_where_they_change(as_owner, owner, action, pages):
    page = as_owner.get(pages[0]).content.decode()
    assert "look_up_patient" in page
    assert pages[0] in as_owner.get(f"/o/harbor-clinics/integrations/{action.id}/").content.decode()
    assert as_owner.post(pages[0], {"tool_name": "find_patient"}).status_code == 303
    assert find_tool(owner, "find_patient").integration_id == action.id
    refused = as_owner.post(pages[0], {"tool_name": "no spaces"})
    assert refused.status_code == 422
    assert 'value="no spaces"' in refused.content.decode()


def test_form_of_a_tool_saves_and_shows_what_was_saved(as_owner, owner, pages):
    sent = {"read_only": "no", "destructive": "yes", "idempotent": "", "open_world": ""}
    answer = {"answer_fields": "data[].id", "max_items": "20", "max_characters": "4000"}
    assert as_owner.post(pages[1], sent | answer).status_code == 303
    offer = find_tool(owner, "look_up_patient")
    assert (offer.hints.read_only, offer.hints.destructive) == (False, True)
    assert offer.limits == Limits("data[].id", 20, 4000)
    page = as_owner.get(pages[1]).content.decode()
    for shown in ('value="data[].id"', 'value="20"', 'value="4000"', '<option value="no" selected>'):
        assert shown in page


@pytest.mark.parametrize(
    ("field", "typed"),
    [("answer_fields", "{id"), ("max_items", "many"), ("max_characters", ""), ("max_items", "1" * 30)],
)
def test_what_was_typed_stays_beside_its_error(as_owner, pages, field, typed):
    sent = {"answer_fields": "id", "max_items": "3", "max_characters": "5000"} | {field: typed}
    refused = as_owner.post(pages[1], sent)
    page = refused.content.decode()
    assert (refused.status_code, f'id="e-{field}"' in page) == (422, True)
    for value in sent.values():
        assert f'value="{value}"' in page


def test_a_connector_has_no_such_page(as_owner, connector):
    assert as_owner.get(f"/o/harbor-clinics/integrations/{connector.id}/agent-tools/").status_code == 404
