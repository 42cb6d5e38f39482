"""What people set about a tool of agents, by the service and by the API."""

from uuid import uuid4

import pytest

from accounts.audit.trail import Event
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import AuditEvent
from integrations.editing.integrations import create_integration
from integrations.models import AgentTool
from integrations.tools.answers import Limits
from integrations.tools.settings import change_tool, page_of
from tests.fixtures.api import Caller
from tests.support.things import find_tool, key_for, make_action

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]


@pytest.fixture
def tool(owner):
    return make_action(owner, "Look up").agent_tools.get()


def change(actor, tool, **changes):
    return change_tool(actor=actor, integration_id=tool.integration_id, tool_id=tool.pk, changes=changes)


def test_hints_and_limits_are_what_an_agent_gets(owner, tool):
    change(owner, tool, read_only=False, destructive=True, answer_fields="{id: id}", max_items=5, max_characters=2000)
    offer = find_tool(owner, "look_up")
    assert (offer.hints.read_only, offer.hints.destructive, offer.hints.idempotent) == (False, True, True)
    assert offer.limits == Limits("{id: id}", 5, 2000)
    change(owner, tool, read_only=None)
    assert find_tool(owner, "look_up").hints.read_only is True
    assert AuditEvent.objects.filter(event=Event.INTEGRATION_TOOL_CHANGED).count() == 2


def test_a_change_of_nothing_writes_nothing(owner, tool):
    change(owner, tool, read_only=None, max_characters=50_000)
    assert not AuditEvent.objects.filter(event=Event.INTEGRATION_TOOL_CHANGED).exists()


def test_tools_come_in_pages(owner):
    calendar = create_integration(
        actor=owner, kind="calcom", name="Calendar", environments=[], config={"api_key": "{secrets.calcom.key}"}
    )
    page, found = page_of(owner, calendar.pk, limit=4), []
    while page.next_cursor:
        found += page.items
        page = page_of(owner, calendar.pk, cursor=page.next_cursor, limit=4)
    names = [tool.name for tool in [*found, *page.items]]
    assert names == sorted(names)
    assert len(names) == 6


def test_members_and_others_may_not(owner, member, outsider, tool):
    with pytest.raises(PermissionDenied):
        change(member, tool, read_only=False)
    for refused in (
        lambda: change(outsider, tool, read_only=False),
        lambda: change_tool(actor=owner, integration_id=tool.integration_id, tool_id=uuid4(), changes={}),
        lambda: page_of(outsider, tool.integration_id),
    ):
        with pytest.raises(NotFound):
            refused()
    assert AgentTool.objects.get().read_only is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("answer_fields", "{id"),
        ("answer_fields", "x" * 1001),
        ("max_items", 0),
        ("max_items", 100_001),
        ("max_characters", 999),
        ("max_characters", 1_000_001),
    ],
)
def test_what_cannot_be_set_is_told_at_its_field(owner, tool, field, value):
    with pytest.raises(Invalid) as refusal:
        change(owner, tool, **{field: value})
    assert [error.field for error in refusal.value.errors] == [field]


def test_the_api_lists_and_changes_tools(owner, tool):
    caller = Caller(key_for(owner))
    path = f"/integrations/{tool.integration_id}/agent-tools"
    changed = caller.call("PATCH", f"{path}/{tool.pk}", {"idempotent": False, "max_items": 3}).json()
    (listed,) = caller.call("GET", path).json()["items"]
    assert listed == changed
    assert (listed["name"], listed["idempotent"], listed["hints"]["idempotent"], listed["max_items"]) == (
        "look_up", False, False, 3,
    )  # fmt: skip
    assert caller.call("PATCH", f"{path}/{tool.pk}", {"nonsense": 1}).status_code == 422
