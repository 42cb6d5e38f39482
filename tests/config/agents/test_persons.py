"""Links for a person where an agent cannot go on alone: opened by the client where it can, as text elsewhere."""

from functools import partial

import pytest
from django.conf import settings
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult

from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.agents import ERAS, call, speak
from tests.support.things import VALUE, key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

S = Environment.STAGING
PAGE = f"{settings.SITE_URL}/o/harbor-clinics/secrets/?q=crm.apiKey"


@pytest.fixture
def key(owner):
    return key_for(owner, Scope.RUN, environments=[S])


def opening(asked, action="accept", mend=None):
    """A client's callback that opens pages: keeps what it was asked, and does in the database what a person would."""

    async def answer(_context, params):
        asked.append(params)
        if mend:
            await in_database(mend)
        return ElicitResult(action=action)

    return answer


def test_a_client_that_opens_pages_is_asked_to_and_the_call_goes_on(owner, key):
    asked = []
    with answering(lambda _, connection: connection.sendall(http(b"found"))) as base_url:
        make_action(owner, "Look up", base_url=base_url)
        called = speak(key, call("look_up"), elicitation_callback=opening(asked, mend=partial(store_secret, owner)))
    assert (called.is_error, called.structured_content["body"]) == (False, "found")
    ((params),) = asked
    assert (params.mode, params.url) == ("url", PAGE)
    assert params.message.startswith("Look up: No secret is called crm.apiKey.")
    assert VALUE not in params.model_dump_json()
    assert [run.outcome for run in Run.objects.order_by("started_at")] == ["refused", "succeeded"]


@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
def test_a_client_is_asked_once(owner, key, action):
    asked = []
    make_action(owner, "Look up")
    called = speak(key, call("look_up"), elicitation_callback=opening(asked, action))
    assert (called.is_error, called.structured_content["code"], len(asked)) == (True, "secret_missing", 1)
    assert PAGE in called.content[0].text


def test_an_older_client_that_opens_pages_gets_the_error_of_its_era(owner, key):
    make_action(owner, "Look up")

    async def exchange(session):
        with pytest.raises(MCPError) as told:
            await session.call_tool("look_up", {})
        return told.value.error

    error = speak(key, exchange, era="legacy", elicitation_callback=opening([]))
    (asked,) = error.data["elicitations"]
    assert (error.code, error.data["code"], error.data["secret"]) == (-32042, "secret_missing", "crm.apiKey")
    assert error.data["run_id"] == str(Run.objects.get().id)
    assert (asked["mode"], asked["url"], len(asked["elicitationId"])) == ("url", PAGE, 32)
    assert PAGE in error.message


@pytest.mark.parametrize("era", ERAS)
def test_what_the_agent_can_mend_itself_is_never_asked_of_a_person(owner, key, era):
    asked = []
    parameters = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    make_action(owner, "Look up", uses="", parameters=parameters, path="/{params.id}")
    called = speak(key, call("look_up"), era=era, elicitation_callback=opening(asked))
    assert (called.structured_content["code"], asked) == ("invalid_arguments", [])
