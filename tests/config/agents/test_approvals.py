"""Calls of agents that a person has to approve: what the agent is told, and the answer that its next call gets."""

from functools import partial

import pytest
from mcp_types import ElicitResult

from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.approvals.deciding import approve
from integrations.models import Approval, Integration
from tests.peers.upstreams import answering, http
from tests.support.api.agents import ERAS, call, speak
from tests.support.integrations.admission import GOOD, PARAMETERS
from tests.support.things import key_for, make_action

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def upstream():
    with answering(lambda _, connection: connection.sendall(http(b"found"))) as url:
        yield url


@pytest.fixture
def key(owner, upstream):
    make_action(owner, "Look up", uses="", base_url=upstream, path="/{params.id}", parameters=PARAMETERS)
    Integration.objects.update(rules=[{"decision": "ask"}])
    return key_for(owner, Scope.RUN, environments=[Environment.STAGING])


def decide(owner):
    approve(actor=owner, approval_id=Approval.objects.get(state="waiting").pk)


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_is_told_to_call_again_and_gets_its_answer(owner, key, era):
    async def exchange(session):
        first = await session.call_tool("look_up", GOOD | {"reason_for_approval": "She asked."})
        await in_database(decide, owner)
        return first, await session.call_tool("look_up", GOOD)

    waits, answered = speak(key, exchange, era=era)
    told, approval = waits.content[0].text, Approval.objects.get()
    assert (waits.is_error, waits.structured_content["code"]) == (True, "approval_needed")
    assert "an owner or admin, until " in told and "exactly the same arguments" in told
    assert waits.structured_content["page"] == f"http://localhost/o/harbor-clinics/approvals/{approval.pk}/"
    assert (approval.reason, approval.state) == ("She asked.", "used")
    assert (answered.is_error, answered.structured_content["body"]) == (False, "found")


def test_a_client_that_opens_pages_opens_that_of_the_approval(owner, key):
    asked = []

    async def answer(_context, params):
        asked.append(params.url)
        await in_database(decide, owner)
        return ElicitResult(action="accept")

    called = speak(key, call("look_up", GOOD), elicitation_callback=answer)
    assert (called.is_error, called.structured_content["body"]) == (False, "found")
    assert asked == [f"http://localhost/o/harbor-clinics/approvals/{Approval.objects.get().pk}/"]


def test_the_list_says_who_may_be_asked_and_takes_a_reason(owner, key):
    async def exchange(session):
        return (await session.list_tools()).tools

    (tool,) = speak(key, exchange)
    assert set(tool.input_schema["properties"]) == {"id", "reason_for_approval"}
    assert "A person may have to approve a call" in tool.description
    Integration.objects.update(rules=[{"decision": "allow"}])
    (tool,) = speak(key, exchange)
    assert set(tool.input_schema["properties"]) == {"id"}


def test_the_reason_can_come_beside_the_arguments(key):
    speak(key, partial(call_with_meta, {"coffer/reason": "x" * 600}))
    assert Approval.objects.get().reason == "x" * 500


async def call_with_meta(meta, session):
    return await session.call_tool("look_up", GOOD, meta=meta)
