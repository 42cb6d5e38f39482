"""What a stopped agent gets at `/mcp`: a result of its call that the model reads, and errors for all else."""

import json

import pytest
from asgiref.sync import async_to_sync

from accounts.access.suspension import stop_agent
from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.people.stopping import stop_agents
from accounts.policy import Scope
from config.asgi import application
from tests.support.api.asgi import call_asgi, served
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

WHY = "Refunds went wrong"
CALL = {"method": "tools/call", "params": {"name": "refund", "arguments": {}}}


def ask(key, **message):
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"accept", b"application/json, text/event-stream")]
    body = json.dumps({"jsonrpc": "2.0", "id": 7, **message}).encode()

    async def asked():
        async with served(application):
            return await call_asgi(application, "POST", "/mcp", body, headers)

    status, _, answer = async_to_sync(asked)()
    return status, json.loads(answer)


@pytest.mark.parametrize("code", ["agents_stopped", "agent_stopped"])
def test_a_call_gets_a_result_that_says_it_and_all_else_an_error(owner, code):
    text = key_for(owner, Scope.RUN, environments=[Environment.STAGING])
    if code == "agents_stopped":
        stop_agents(actor=owner, why=WHY)
    else:
        stop_agent(actor=owner, key_id=ApiKey.objects.get().pk, why=WHY)
    status, answer = ask(text, **CALL)
    assert (status, answer["id"], answer["result"]["isError"]) == (200, 7, True)
    said = answer["result"]["content"][0]["text"]
    assert said.startswith(f"{code}: ")
    assert all(part in said for part in (owner.label, WHY, "Do not try again"))
    for message in ({"method": "tools/list"}, {**CALL, "params": {"name": "no tool!"}}):
        status, answer = ask(text, **message)
        assert (status, answer["error"]["data"]["code"], answer["error"]["data"]["reason"]) == (403, code, WHY)
