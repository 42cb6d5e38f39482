"""What a configuration may not say, field by field."""

import pytest

from accounts.errors import Invalid
from integrations.kinds import KINDS

ACTION = KINDS["api_action"]
CONNECTOR = KINDS["auth_connector"]

MINIMAL = {"base_url": "https://api.example.com", "method": "GET"}
BEARER = {"type": "bearer", "token": "{secrets.crm.apiKey}"}
API_KEY = {"type": "api_key", "in": "header", "name": "X-Key", "value": "{secrets.crm.apiKey}"}
CONTENT = ["config.body.content"]
ENTRY_VALUE = ["config.body.content[0].value"]
LIST = {"type": "object", "properties": {"l": {"type": "array"}}, "required": ["l"]}


def errors_of(kind, raw) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        kind.parse_config(raw)
    return [(error.field, error.message) for error in caught.value.errors]


def fields_of(kind, raw) -> list[str]:
    return [field for field, _ in errors_of(kind, raw)]


def entries(*names_and_values) -> list[dict]:
    return [{"name": name, "value": value} for name, value in names_and_values]


def action(**changes) -> dict:
    return {**MINIMAL, "method": "POST", **changes}


def sending(kind: str, content: object, **changes) -> dict:
    return action(body={"type": kind, "content": content}, **changes)


BAD_ACTIONS = {
    "unknown field": (action(extra=1), ["config.extra"]),
    "redirects neither on nor off": (action(follow_redirects="on"), ["config.follow_redirects"]),
    "no base URL": ({"method": "GET"}, ["config.base_url"]),
    "secret in the base URL": (action(base_url="https://{secrets.host}"), ["config.base_url"]),
    "parameter in the base URL": (action(base_url="https://api.example.com/{params.x}"), ["config.base_url"]),
    "look-alike in the base URL": (action(base_url="https://{Secrets.host}"), ["config.base_url"]),
    "unknown method": (action(method="TRACE"), ["config.method"]),
    "lower-case method": (action(method="get"), ["config.method"]),
    "method as number": (action(method=1), ["config.method"]),
    "path without slash": (action(path="contacts"), ["config.path"]),
    "path that begins with a value": (action(path="{secrets.x}/a"), ["config.path"]),
    "path with two slashes": (action(path="//evil.com"), ["config.path"]),
    "absolute path": (action(path="https://evil.com"), ["config.path"]),
    "path with query": (action(path="/a?b=c"), ["config.path"]),
    "path with fragment": (action(path="/a#b"), ["config.path"]),
    "path with backslash": (action(path="/a\\b"), ["config.path"]),
    "path with line break": (action(path="/a\nb"), ["config.path"]),
    "path that climbs": (action(path="/a/../b"), ["config.path"]),
    "path that climbs encoded": (action(path="/a/%2e%2E/b"), ["config.path"]),
    "path with stray percent": (action(path="/a%"), ["config.path"]),
    "percent completed by a value": (action(path="/%2{secrets.x}"), ["config.path"]),
    "malformed placeholder in the path": (action(path="/{ secrets.x }"), ["config.path"]),
    "forbidden header": (action(headers=entries(("Host", "x"))), ["config.headers[0].name"]),
    "placeholder in a header name": (action(headers=entries(("{secrets.x}", "x"))), ["config.headers[0].name"]),
    "header twice": (action(headers=entries(("A", "x"), ("a", "y"))), ["config.headers[1].name"]),
    "empty header": (action(headers=entries(("A", ""))), ["config.headers[0].value"]),
    "header with line break": (action(headers=entries(("A", "x\r\ny"))), ["config.headers[0].value"]),
    "malformed placeholder in a header": (action(headers=entries(("A", "{secrets.x"))), ["config.headers[0].value"]),
    "header that is no text": (action(headers=[{"name": "A", "value": 1}]), ["config.headers[0].value"]),
    "header without value": (action(headers=[{"name": "A"}]), ["config.headers[0].value"]),
    "header with a third field": (action(headers=[{"name": "A", "value": "b", "c": 1}]), ["config.headers[0].c"]),
    "headers as object": (action(headers={"A": "b"}), ["config.headers"]),
    "too many headers": (action(headers=entries(*((f"A{n}", "x") for n in range(65)))), ["config.headers"]),
    "placeholder in a query name": (action(query=entries(("{params.x}", "x"))), ["config.query[0].name"]),
    "empty query name": (action(query=entries(("", "x"))), ["config.query[0].name"]),
    "malformed placeholder in a query": (action(query=entries(("q", "{{secrets.x}}"))), ["config.query[0].value"]),
    "unknown body type": (sending("xml", "x"), ["config.body.type"]),
    "body of a HEAD": ({**MINIMAL, "method": "HEAD", "body": {"type": "json", "content": "{}"}}, ["config.body.type"]),
    "content without type": (action(body={"content": "x"}), CONTENT),
    "JSON as list": (sending("json", []), CONTENT),
    "JSON without content": (action(body={"type": "json"}), CONTENT),
    "invalid JSON": (sending("json", "{"), CONTENT),
    "placeholder in a JSON key": (sending("json", '{"{secrets.x}": 1}'), CONTENT),
    "form as text": (sending("form", "a=b"), CONTENT),
    "placeholder in a form name": (sending("form", entries(("{secrets.x}", ""))), ["config.body.content[0].name"]),
    "number in a form": (sending("form", [{"name": "a", "value": 1}]), ENTRY_VALUE),
    "malformed placeholder in a form": (sending("form", entries(("a", "{Params.x}"))), ENTRY_VALUE),
    "malformed placeholder in a text": (sending("text", "{secrets[x]}"), CONTENT),
    "NUL in a text": (sending("text", "a\0b"), CONTENT),
    "half a surrogate pair": (sending("text", "\ud800"), CONTENT),
    "parameters as text": (action(parameters="{}"), ["config.parameters"]),
    "parameters of another type": (action(parameters={"type": "array"}), ["config.parameters.type"]),
    "parameter not declared": (action(path="/{params.id}"), ["config.path"]),
    "parameter not declared in JSON": (sending("json", '["{params.id}"]'), CONTENT),
    "parameter that may be absent": (action(path="/{params.l}", parameters={**LIST, "required": []}), ["config.path"]),
    "list in a header": (action(headers=entries(("A", "{params.l}")), parameters=LIST), ["config.headers[0].value"]),
    "list inside a JSON string": (sending("json", '["a {params.l}"]', parameters=LIST), CONTENT),
    "list as a text body": (sending("text", "{params.l}", parameters=LIST), CONTENT),
    "timeout 0": (action(timeout_seconds=0), ["config.timeout_seconds"]),
    "timeout 121": (action(timeout_seconds=121), ["config.timeout_seconds"]),
    "timeout NaN": (action(timeout_seconds=float("nan")), ["config.timeout_seconds"]),
    "timeout as text": (action(timeout_seconds="20"), ["config.timeout_seconds"]),
    "timeout as truth": (action(timeout_seconds=True), ["config.timeout_seconds"]),
    "connector that is no id": (action(auth_connector="crm"), ["config.auth_connector"]),
    "check with POST": (action(check={"method": "POST", "path": "/"}), ["config.check.method"]),
    "check with argument": (action(check={"path": "/{params.l}"}, parameters=LIST), ["config.check.path"]),
    "check elsewhere": (action(check={"path": "//evil.com"}), ["config.check.path"]),
    "several at once": (
        action(path="x", headers=entries(("Host", "x"), ("A", ""))),
        ["config.path", "config.headers[0].name", "config.headers[1].value"],
    ),
}


@pytest.mark.parametrize(("raw", "fields"), BAD_ACTIONS.values(), ids=BAD_ACTIONS)
def test_a_bad_action_is_refused_by_field(raw, fields):
    assert fields_of(ACTION, raw) == fields


BAD_CONNECTORS = {
    "no type": ({}, ["config.type"]),
    "unknown type": ({"type": "oauth"}, ["config.type"]),
    "type as list": ({"type": []}, ["config.type"]),
    "no token": ({"type": "bearer"}, ["config.token"]),
    "empty token": ({"type": "bearer", "token": ""}, ["config.token"]),
    "token with line break": ({"type": "bearer", "token": "{secrets.x}\n"}, ["config.token"]),
    "malformed placeholder": ({"type": "bearer", "token": "{Secrets.x}"}, ["config.token"]),
    "argument as token": ({"type": "bearer", "token": "{params.x}"}, ["config.token"]),
    "field of another type": ({**BEARER, "name": "x"}, ["config.name"]),
    "unknown place": ({**API_KEY, "in": "cookie"}, ["config.in"]),
    "forbidden header": ({**API_KEY, "name": "Host"}, ["config.name"]),
    "placeholder in the header name": ({**API_KEY, "name": "{secrets.x}"}, ["config.name"]),
    "placeholder in the query name": ({**API_KEY, "in": "query", "name": "{secrets.x}"}, ["config.name"]),
    "empty value": ({**API_KEY, "in": "query", "value": ""}, ["config.value"]),
}


@pytest.mark.parametrize(("raw", "fields"), BAD_CONNECTORS.values(), ids=BAD_CONNECTORS)
def test_a_bad_connector_is_refused_by_field(raw, fields):
    assert fields_of(CONNECTOR, raw) == fields


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("raw", [None, [], "x", 1])
def test_a_configuration_is_an_object(kind, raw):
    assert len(errors_of(kind, raw)) == 1


def test_messages_tell_the_way_out_and_never_quote_what_was_entered():
    raw = action(
        method="canary", path="/canary?", headers=entries(("canary canary", "canary\n")), timeout_seconds="canary",
        body={"type": "canary", "content": 5}, auth_connector="canary", check={"method": "canary"},
    )  # fmt: skip
    messages = [message for _, message in errors_of(ACTION, raw)]
    assert len(messages) == 6
    assert "canary" not in repr(messages)
