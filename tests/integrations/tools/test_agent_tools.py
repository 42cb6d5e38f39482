"""The tools of agents: their names, which of them an agent sees, and what it reads of each."""

import pytest

from accounts.access.callers import actor_of_key
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound
from accounts.policy import Scope
from integrations.editing.integrations import (
    IntegrationChanges,
    create_integration,
    duplicate_integration,
    update_integration,
)
from integrations.models import AgentTool, Integration, RemoteTool
from integrations.tools.agent_tools import Hints, page_of_tools
from tests.support.things import find_tool, key_for, make_action, make_connector, make_mcp_server, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def make_calcom(actor, name, **config):
    config = {"api_key": "{secrets.calcom.key}", **config}
    return create_integration(actor=actor, kind="calcom", name=name, environments=[S], config=config)


def offers(actor, environment=S):
    return page_of_tools(actor, environment).items


def names(actor, environment=S):
    return [tool.name for tool in offers(actor, environment)]


# names


def test_a_tool_has_the_name_of_its_integration_and_of_its_operation(owner):
    make_action(owner, "Look up patient")
    make_calcom(owner, "Practice calendar")
    assert names(owner)[0] == "look_up_patient"
    assert {"practice_calendar_me", "practice_calendar_list_slots"} <= set(names(owner))


def test_a_name_stays_when_another_comes_or_the_integration_is_renamed(owner):
    first = make_action(owner, "Look up")
    make_action(owner, "look-up!")
    make_action(owner, "LOOK/UP")
    assert names(owner) == ["look-up", "look_up", "look_up_2"]
    update_integration(actor=owner, integration_id=first.id, changes=IntegrationChanges(name="Find"))
    assert find_tool(owner, "look_up").integration_id == first.id


def test_the_copy_of_an_integration_has_tools_of_its_own(owner):
    copy = duplicate_integration(actor=owner, integration_id=make_action(owner, "Look up").id)
    assert copy.agent_tools.get().name == "look_up_copy"


def test_renaming_tools_is_an_act_of_its_own(owner):
    calendar = make_calcom(owner, "Calendar")
    update_integration(actor=owner, integration_id=calendar.id, changes=IntegrationChanges(tool_name="front_desk"))
    assert {name.rpartition("front_desk")[0] for name in names(owner)} == {""}
    with pytest.raises(NotFound):
        find_tool(owner, "calendar_me")


def test_a_new_name_may_be_the_old_name_of_another_of_them(owner):
    server = make_mcp_server(owner, name="S", only_approved_tools=False)
    for remote in ("b", "b_b"):
        row = RemoteTool.objects.create(
            integration=server, name=remote, shown_definition={}, shown_fingerprint="a" * 64
        )
        AgentTool.objects.create(
            organization=server.organization, integration=server, operation="call_tool", remote=row, name=f"s_{remote}"
        )
    update_integration(actor=owner, integration_id=server.id, changes=IntegrationChanges(tool_name="s_b"))
    assert names(owner) == ["s_b_b", "s_b_b_b", "s_b_call_tool", "s_b_list_tools"]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("look_up", "has this name"),
        ("LOOK_UP", "has this name"),
        ("a b", "letters"),
        ("ä", "letters"),
        ("x" * 65, "64"),
    ],
)
def test_a_name_is_refused_that_clients_do_not_take_or_another_has(owner, wanted, told):
    make_action(owner, "Look up")
    other = make_action(owner, "Other")
    for refused in (
        lambda: create_integration(actor=owner, kind="api_action", name="Third", tool_name=wanted, config=other.config),
        lambda: update_integration(actor=owner, integration_id=other.id, changes=IntegrationChanges(tool_name=wanted)),
    ):
        with pytest.raises(Invalid) as refusal:
            refused()
        ((field, sentence),) = [(error.field, error.message) for error in refusal.value.errors]
        assert field == "tool_name"
        assert told in sentence
    assert names(owner) == ["look_up", "other"]


def test_renaming_leaves_the_tools_of_others_alone(owner):
    make_action(owner, "front desk me")
    calendar = make_calcom(owner, "Calendar")
    with pytest.raises(Invalid):
        update_integration(actor=owner, integration_id=calendar.id, changes=IntegrationChanges(tool_name="front_desk"))
    assert find_tool(owner, "calendar_me")


def test_a_connector_has_no_tool(owner):
    assert make_connector(owner).tool_name == ""
    with pytest.raises(Invalid):
        make_connector(owner, "Other", tool_name="x")


@pytest.mark.parametrize("name", ["x" * 100, "日本", "…"])
def test_every_name_is_one_that_clients_take(owner, name):
    make_action(owner, name)
    make_calcom(owner, f"{name[:90]} 2")
    for found in names(owner):
        assert 0 < len(found) <= 64
        assert found.isascii()


def test_an_operation_that_comes_later_gets_a_name_too(owner):
    calendar = make_calcom(owner, "Calendar", operations=[])
    assert names(owner) == ["calendar_list_event_types", "calendar_me"]
    config = {**calendar.config, "operations": ["list_slots"]}
    update_integration(actor=owner, integration_id=calendar.id, changes=IntegrationChanges(config=config))
    assert names(owner) == ["calendar_list_event_types", "calendar_list_slots", "calendar_me"]


# which of them


def test_a_tool_is_listed_where_its_integration_is_enabled(owner, outsider):
    make_action(owner, "Here", environments=[S])
    make_action(owner, "Elsewhere", environments=[P])
    make_action(owner, "Off", environments=[S], enabled=False)
    make_action(outsider, "Foreign", environments=[S])
    assert names(owner) == ["here"]
    assert names(owner, P) == ["elsewhere"]
    assert find_tool(owner, "off").integration_id  # a call says that it is disabled
    with pytest.raises(NotFound):
        find_tool(owner, "foreign")


def test_a_key_that_lists_integrations_has_their_tools_alone(owner):
    listed, _ = make_action(owner, "Listed"), make_action(owner, "Not listed")
    actor = actor_of_key(key_for(owner, Scope.RUN, environments=[S], integrations=[listed.id]), address=None)
    assert names(actor) == ["listed"]
    with pytest.raises(NotFound):
        find_tool(actor, "not_listed")


def test_an_integration_that_is_not_ready_is_listed_with_what_is_missing(owner):
    make_action(owner, "Look up")
    connector = make_connector(owner, environments=[P])
    make_action(owner, "Without its connector", uses="", auth_connector=str(connector.id), environments=[S])
    problems = [tool.problem for tool in offers(owner)]
    assert problems == [
        "No secret is called crm.apiKey. Create it, or remove the reference.",
        "CRM bearer token does not run in Staging. Add the environment to it first.",
    ]
    store_secret(owner)
    assert offers(owner)[0].problem == ""


def test_a_stored_configuration_that_nothing_reads_hides_no_other_tool(owner):
    make_action(owner, "Good")
    broken = make_action(owner, "Broken")
    Integration.objects.filter(pk=broken.pk).update(config={"nonsense": True})
    assert names(owner) == ["good"]


def test_lists_come_in_pages_and_cost_the_same_queries(owner, django_assert_num_queries):
    for number in range(5):
        make_action(owner, f"Action {number}")
    page, found = page_of_tools(owner, S, limit=2), []
    while page.next_cursor:
        found.append([tool.name for tool in page.items])
        page = page_of_tools(owner, S, page.next_cursor, limit=2)
    assert [*found, [tool.name for tool in page.items]] == [
        ["action_0", "action_1"],
        ["action_2", "action_3"],
        ["action_4"],
    ]
    with django_assert_num_queries(1):
        find_tool(owner, "action_3")


# what an agent reads


@pytest.mark.parametrize(
    ("method", "hints"),
    [
        ("GET", Hints(read_only=True, destructive=False, idempotent=True, open_world=True)),
        ("POST", Hints(read_only=False, destructive=False, idempotent=False, open_world=True)),
        ("DELETE", Hints(read_only=False, destructive=True, idempotent=True, open_world=True)),
    ],
)
def test_hints_are_proposed_from_the_method_and_can_be_set(owner, method, hints):
    make_action(owner, "Act", method=method, path="/x")
    assert find_tool(owner, "act").hints == hints
    AgentTool.objects.update(read_only=False, destructive=True, idempotent=False, open_world=False)
    assert find_tool(owner, "act").hints == Hints(read_only=False, destructive=True, idempotent=False, open_world=False)


def test_a_description_is_for_agents_and_shows_no_template(owner):
    parameters = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    make_action(owner, "Look up", path="/patients/{params.id}", parameters=parameters)
    assert find_tool(owner, "look_up").description == "Look up."
