"""Tools as a list shows them, and results as agents get them: text, structured content, and what a server gave."""

import json

import jsonschema
import pytest
from django.conf import settings

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.inheritance import operations_of
from integrations.models import AgentTool, Integration, Run
from tests.factories.integrations import IntegrationFactory
from tests.peers.odd_server import odd_server
from tests.peers.odd_server import result as answer_of
from tests.peers.upstreams import answering, http
from tests.support.api.agents import ERAS, approved_tool, call, speak
from tests.support.things import VALUE, key_for, make_action, make_mcp_server, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

S = Environment.STAGING
PARAMETERS = {"type": "object", "properties": {"id": {"type": "string", "maxLength": 5}}, "required": ["id"]}


@pytest.fixture
def key(owner):
    return key_for(owner, Scope.RUN, environments=[S])


async def described(session):
    return session.server_info, session.instructions, await session.list_tools()


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_the_server_and_its_tools_say_what_they_are(owner, key, era):
    store_secret(owner)
    make_action(owner, "Look up patient", path="/{params.id}", parameters=PARAMETERS)
    make_action(owner, "Book", method="DELETE", uses="crm.missing")
    server, instructions, listed = speak(key, described, era=era)
    assert (server.name, server.title, server.version.count(".")) == ("Coffer", "Coffer", 2)
    assert (server.icons[0].src[:26], server.website_url) == ("data:image/svg+xml;base64,", settings.SITE_URL)
    assert "never see" in instructions
    book, look_up = listed.tools
    assert [book.name, look_up.name] == ["book", "look_up_patient"]
    hints = [each.annotations.model_dump(exclude={"title"}) for each in (look_up, book)]
    assert [list(each.values()) for each in hints] == [[True, False, True, True], [False, True, True, True]]
    assert book.description.startswith("Not ready: No secret is called crm.missing. Create it")
    assert f"/o/harbor-clinics/integrations/{Integration.objects.get(name='Book').id}/" in book.description
    assert "Not ready" not in look_up.description
    if era != "legacy":
        assert (listed.ttl_ms, listed.cache_scope) == (60_000, "private")


def answers(body, *, status="200 OK", media="application/json"):
    return lambda _, connection: connection.sendall(http(body, status=status, headers=(f"Content-Type: {media}",)))


@pytest.mark.parametrize("era", ERAS)
def test_structured_content_is_what_the_schema_promises(owner, key, era):
    store_secret(owner)
    cases = [
        (f'{{"found": "Ada", "key": "{VALUE}"}}'.encode(), "200 OK", "application/json"),
        (b'[{"price": 18.00}, 1.5]', "200 OK", "application/json"),
        (b'{"price": 1E400}', "200 OK", "application/json"),
        (b"plain", "404 Not Found", "text/plain"),
        (b"\x89PNG", "200 OK", "image/png"),
        (b"", "204 No Content", "text/plain"),
    ]
    results = []
    for number, (body, status, media) in enumerate(cases):
        with answering(answers(body, status=status, media=media)) as base_url:
            make_action(owner, f"Call {number}", base_url=base_url)
            results.append(speak(key, call(f"call_{number}"), era=era))

    async def schemas(session):
        return {tool.name: tool.output_schema for tool in (await session.list_tools()).tools}

    promised = speak(key, schemas, era=era)["call_0"]
    for each in results:
        jsonschema.validate(each.structured_content, promised)
    told = [json.loads(each.content[0].text) for each in results]
    assert [each["run_id"] for each in told] == [each.structured_content["run_id"] for each in results]
    assert results[0].structured_content["body"] == {"found": "Ada", "key": "[redacted]"}
    assert results[1].structured_content["body"] == [{"price": 18}, 1.5]
    assert '"body": {"price": 1E400}' in results[2].content[0].text
    assert [results[index].structured_content["body"] for index in (2, 3, 4)] == [None, "plain", None]
    failed = results[3]
    assert (failed.is_error, failed.structured_content["code"]) == (True, "upstream_error")
    assert failed.content[-1].text.startswith("upstream_error: The upstream refused the call.")
    assert results[4].content[1].type == "image"


@pytest.mark.parametrize("era", ERAS)
def test_a_refusal_has_its_code_and_what_to_do(owner, key, era):
    store_secret(owner)
    make_action(owner, "Look up", parameters=PARAMETERS, path="/{params.id}")
    make_action(owner, "Send", uses="crm.missing")
    wrong, missing = (
        speak(key, call(name, arguments), era=era)
        for name, arguments in (("look_up", {"id": "much too long"}), ("send", {}))
    )
    first, second = Run.objects.order_by("started_at")
    assert (wrong.structured_content["code"], wrong.structured_content["run_id"]) == (
        "invalid_arguments",
        str(first.id),
    )
    assert wrong.structured_content["errors"][0]["field"] == "params.id"
    assert "Correct the arguments as the tool's input schema says" in wrong.content[0].text
    page = f"{settings.SITE_URL}/o/harbor-clinics/secrets/?q=crm.missing"
    assert missing.structured_content == {
        "code": "secret_missing", "secret": "crm.missing", "run_id": str(second.id), "page": page,
    }  # fmt: skip
    assert f"Ask a person to mend it here, then call the tool again: {page}" in missing.content[0].text


CONTENT = [
    {"type": "text", "text": f"the key is {VALUE}"},
    {"type": "image", "data": "//uQ", "mimeType": "image/png"},
    {"type": "audio", "data": "//uQ", "mimeType": "audio/wav"},
    {"type": "resource", "resource": {"uri": "test://a", "mimeType": "text/plain", "text": "embedded"}},
    {"type": "resource_link", "uri": "test://b", "name": "b"},
    {"type": "no such type", "text": "odd"},
    {"type": "text"},
    "bare",
    7.50,
]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize("era", ERAS)
def test_what_a_remote_tool_gives_passes_through_masked(owner, key, era):
    store_secret(owner)
    given = [
        {"content": CONTENT},
        {"content": [{"type": "text", "text": "7"}], "structuredContent": {"n": 7}},
        {"content": [{"type": "text", "text": "broken"}], "isError": True},
        {"nothing": "of MCP"},
    ]
    replies = [lambda message, _, each=each: answer_of(message, each) for each in given]
    with odd_server({"tools/call": replies}) as server:
        headers = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
        integration = make_mcp_server(owner, server.url, only_approved_tools=True, headers=headers)
        marked = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "A"}}}
        approved_tool(integration, {"name": "get all", "inputSchema": marked}, "crm_get")
        approved_tool(
            integration,
            {"name": "count", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA, "title": "Count"},
            "crm_count",
        )

        async def exchange(session):
            listed = await session.list_tools()
            names = ("crm_get", "crm_count", "crm_count", "crm_get")
            return listed.tools, [await session.call_tool(name, {"a": "1"}) for name in names]

        (count, get), results = speak(key, exchange, era=era)
    assert (count.title, count.output_schema, get.output_schema) == ("CRM tools: Count", SCHEMA, None)
    assert get.input_schema == marked
    content, structured, failed, odd = results
    assert [block.type for block in content.content] == ["text", "image", "audio", "resource", "resource_link"] + [
        "text"
    ] * 4
    assert content.content[0].text == "the key is [redacted]"
    assert [block.text for block in content.content[5:]] == [
        '{"type": "no such type", "text": "odd"}', '{"type": "text"}', "bare", "7.5",
    ]  # fmt: skip
    assert (structured.structured_content, structured.is_error) == ({"n": 7}, False)
    assert (failed.is_error, failed.content[0].text) == (True, "broken")
    assert json.loads(odd.content[0].text)["body"] == {"nothing": "of MCP"}
    asked = [each.message["params"] for each in server.received if each.method == "tools/call"]
    assert [(each["name"], each["arguments"]) for each in asked[:2]] == [("get all", {"a": "1"}), ("count", {"a": "1"})]


@pytest.mark.parametrize("era", ERAS)
def test_a_remote_tool_that_breaks_its_promise_is_an_error_that_clients_show(owner, key, era):
    with odd_server({"tools/call": lambda message, _: answer_of(message, {"nothing": "of MCP"})}) as server:
        integration = make_mcp_server(owner, server.url, only_approved_tools=True)
        approved_tool(integration, {"name": "count", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA})
        called = speak(key, call("count"), era=era)
        Integration.objects.filter(pk=integration.pk).update(enabled=False)
        refused = speak(key, call("count"), era=era)
    assert (called.is_error, called.structured_content) == (True, None)
    assert (refused.is_error, refused.structured_content) == (True, None)
    assert refused.content[0].text.startswith("integration_disabled: CRM tools is disabled.")


def test_of_chosen_fields_nothing_else_reaches_the_agent(owner, key):
    """The fields of structured content, else those of a text that is JSON; the API has the whole."""
    given = [
        {"content": [{"type": "text", "text": "private"}], "structuredContent": {"id": 7, "birth": "1990"}},
        {"content": [{"type": "text", "text": '{"id": 8.50, "birth": "1990"}'}, {"type": "text", "text": "private"}]},
        {"content": [{"type": "text", "text": "private"}]},
    ]
    replies = [lambda message, _, each=each: answer_of(message, each) for each in given]
    upstream = [http(b'{"id": 9, "birth": "1990"}', headers=("Content-Type: application/json",)), http(b"private")]
    with (
        odd_server({"tools/call": replies}) as server,
        answering(lambda _, connection: connection.sendall(upstream.pop(0))) as base_url,
    ):
        integration = make_mcp_server(owner, server.url, only_approved_tools=True)
        approved_tool(integration, {"name": "get", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA})
        make_action(owner, "Look up", uses="", base_url=base_url)
        AgentTool.objects.update(answer_fields="{id: id}")

        async def exchange(session):
            names = ["get", "get", "get", "look_up", "look_up"]
            return [await session.call_tool(name, {}) for name in names], (await session.list_tools()).tools[0]

        results, listed = speak(key, exchange)
    assert listed.output_schema is None
    assert [result.content[0].text for result in results[:3]] == ['{"id": 7}', '{"id": 8.50}', "null"]
    assert results[2].content[1].text.startswith("The answer has none of the fields")
    assert [result.structured_content["body"] for result in results[3:]] == [{"id": 9}, None]
    assert "private" not in str(results)
    assert "1990" not in str(results)


@pytest.mark.parametrize("text", ["x" * 2000, json.dumps([{"n": number} for number in range(300)])])
def test_a_long_answer_is_cut_and_the_agent_is_told(owner, key, text):
    media = "application/json" if text.startswith("[") else "text/plain"
    with answering(answers(text.encode(), media=media)) as base_url:
        make_action(owner, "Look up", uses="", base_url=base_url)
        AgentTool.objects.update(max_characters=1000)
        called = speak(key, call("look_up"))
    cut = called.structured_content["cut"]
    assert called.content[-1].text == cut
    assert cut.endswith("Ask for less with the arguments; the whole answer is given by the API.")
    assert 400 < len(json.dumps(called.structured_content["body"])) <= 1002
    assert json.loads(called.content[0].text)["body"] == called.structured_content["body"]


def open_objects(schema, path=""):
    """Where a schema has objects with names that it does not declare, which strict modes of models refuse."""
    if isinstance(schema, list):
        return [found for each in schema for found in open_objects(each, path)]
    if not isinstance(schema, dict):
        return []
    found = [path] if schema.get("additionalProperties", False) is not False else []
    return found + [each for name, child in schema.items() for each in open_objects(child, f"{path}/{name}")]


@pytest.mark.parametrize("kind", ["api_action", "calcom", "mcp_server", "sip_trunk"])
def test_every_operation_has_a_schema_that_strict_mode_takes(kind):
    integration = IntegrationFactory(**({} if kind == "api_action" else {kind: True}))
    for operation in operations_of(integration).values():
        assert operation.parameters["type"] == "object"
        assert operation.parameters.get("additionalProperties", False) is False
        assert open_objects(operation.parameters) == []


@pytest.mark.parametrize(
    ("schema", "is_cut"),
    [({"type": "object"}, True), ({"type": "object", "properties": {"all": {"minItems": 300}}}, False)],
)
def test_structured_content_is_cut_as_far_as_its_schema_allows(owner, key, schema, is_cut):
    content = {"content": [], "structuredContent": {"all": list(range(300))}}
    with odd_server({"tools/call": lambda message, _: answer_of(message, content)}) as server:
        integration = make_mcp_server(owner, server.url)
        approved_tool(integration, {"name": "get", "inputSchema": {"type": "object"}, "outputSchema": schema})
        AgentTool.objects.update(max_characters=1000)
        found = speak(key, call("get")).structured_content["all"]
    assert (len(found) < 300) is is_cut
