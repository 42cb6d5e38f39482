"""The same story told by clients of others: list, call, masked answer, refusal, a tool that is not ready."""

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync
from mcp import Client, StdioServerParameters

from accounts.common.environments import Environment
from accounts.policy import Scope
from config.agents import calls
from integrations.models import Run
from tests.peers import mcp
from tests.peers.upstreams import answering, http
from tests.support import npm
from tests.support.api.listening import listening, output_of
from tests.support.things import VALUE, key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

PARAMETERS = {
    "type": "object",
    "properties": {"id": {"type": "string", "maxLength": 5, "description": "The id of the patient."}},
    "required": ["id"],
}


@pytest.fixture
def key(owner):
    return key_for(owner, Scope.RUN, environments=[Environment.STAGING])


@pytest.fixture
def tools(owner):
    """`look_up` answers with the value of its secret; `send` needs a secret that nobody has entered."""
    store_secret(owner)
    answer = http(json.dumps({"found": "Ada", "key": VALUE}).encode(), headers=("Content-Type: application/json",))
    with answering(lambda _, connection: connection.sendall(answer)) as base_url:
        make_action(owner, "Look up", base_url=base_url, path="/{params.id}", parameters=PARAMETERS)
        make_action(owner, "Send", base_url=base_url, uses="crm.missing")
        yield


def check(story):
    """That a client got everything of the story, whatever it makes of it: dictionaries as on the wire."""
    assert story["tools"].keys() == {"look_up", "send"}
    assert story["tools"]["send"].startswith("Not ready: No secret is called crm.missing.")
    called, refused, unready = (story[name] for name in ("called", "refused", "unready"))
    assert json.loads(called["content"][0]["text"])["body"] == {"found": "Ada", "key": "[redacted]"}
    assert not called.get("isError")
    assert (refused["isError"], unready["isError"]) == (True, True)
    assert "invalid_arguments" in refused["content"][0]["text"]
    assert "Correct the arguments as the tool's input schema says" in refused["content"][0]["text"]
    assert "/o/harbor-clinics/secrets/?q=crm.missing" in unready["content"][0]["text"]
    assert VALUE not in json.dumps(story)


@pytest.mark.node
@pytest.mark.parametrize("mode", ["legacy", "auto", "1"])
def test_typescript(key, tools, monkeypatch, mode):
    monkeypatch.setattr(calls, "PROGRESS_EVERY", 0.001)
    npm.install()

    async def told():
        async with listening() as address:
            return await output_of(npm.newer_node(), mcp.HERE / "story.mjs", f"{address}/mcp", key, mode)

    status, out, err = async_to_sync(told)()
    assert status == 0, err
    story = json.loads(out)
    check(story)
    assert story["called"]["structuredContent"]["body"] == {"found": "Ada", "key": "[redacted]"}
    assert (story["refused"]["structuredContent"]["code"], story["server"]) == ("invalid_arguments", "Coffer")
    assert "There is no such tool. List the tools again." in story["unknown"]
    assert "-32602" in story["unknown"]
    shows_status_alone = mode == "auto"  # of a refusal before it knows the era
    assert ("HTTP 401" if shows_status_alone else "Send a valid API key: Authorization") in story["stranger"]
    assert any("Look up has not answered yet" in each for each in story["told"])


@pytest.mark.node
def test_the_inspector(owner, key, tools):
    """It checks the schemas of tools for what other clients cannot read as well."""
    npm.install()
    reader = key_for(owner, Scope.INTEGRATIONS_READ, environments=[Environment.STAGING])

    async def told():
        async with listening() as address:

            async def ask(bearer, *more):
                options = ["--transport", "http", "--header", f"Authorization: Bearer {bearer}", *more]
                return await output_of(npm.newer_node(), mcp.INSPECTOR, "--cli", f"{address}/mcp", *options)

            def call(name, *arguments):
                given = [each for argument in arguments for each in ("--tool-arg", argument)]
                return ask(key, "--method", "tools/call", "--tool-name", name, *given)

            return await asyncio.gather(
                ask(key, "--method", "tools/list", "--strict"),
                call("look_up", "id=a7"),
                call("look_up", "id=much too long"),
                call("send"),
                ask(reader, "--method", "tools/list"),
            )

    (is_portable, listed, problems), *called, (status, _, error) = async_to_sync(told)()
    assert (is_portable, problems) == (0, "")
    answers = [json.loads(out) for _, out, _ in called]
    found = {tool["name"]: tool["description"] for tool in json.loads(listed)["tools"]}
    check({"tools": found, **dict(zip(("called", "refused", "unready"), answers, strict=True))})
    assert status
    assert "Use an API key with the scope run." in error


async def story_of(session):
    listed = await session.list_tools()
    results = {
        "called": await session.call_tool("look_up", {"id": "7"}),
        "refused": await session.call_tool("look_up", {"id": "much too long"}),
        "unready": await session.call_tool("send", {}),
    }
    shown = {name: each.model_dump(mode="json", by_alias=True, exclude_none=True) for name, each in results.items()}
    return {"tools": {tool.name: tool.description for tool in listed.tools}, **shown}


@pytest.mark.node
def test_mcp_remote_as_a_bridge(key, tools, tmp_path):
    npm.install()

    async def told():
        async with listening() as address:
            arguments = [
                mcp.BRIDGE,
                f"{address}/mcp",
                "--header",
                f"Authorization:Bearer {key}",
                "--transport",
                "http-only",
            ]
            bridge = StdioServerParameters(
                command=npm.newer_node(), args=[*map(str, arguments)], env={"HOME": str(tmp_path)}
            )
            async with Client(bridge) as session:
                return await story_of(session)

    check(async_to_sync(told)())
    assert Run.objects.count() == 3
