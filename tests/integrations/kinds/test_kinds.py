import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.errors import Invalid
from integrations.exchange.messages import RequestTemplate, render
from integrations.kinds import KINDS
from integrations.kinds.base import Parents
from tests.support.integrations.requests import values

ACTION = KINDS["api_action"]
CONNECTOR = KINDS["auth_connector"]

FULL = {
    "base_url": "https://api.example.com/v1",
    "auth_connector": "7f1f4f0e-4f1e-4f5f-8a53-0d7b5d3a7f10",
    "method": "POST",
    "path": "/contacts/{params.id}",
    "headers": [{"name": "X-Tenant", "value": "{secrets.tenant}"}],
    "query": [{"name": "limit", "value": "{params.limit}"}, {"name": "token", "value": "{secrets.crm.token}"}],
    "body": {"type": "json", "content": '{"note": "{params.note}", "keys": ["{secrets.a}", "{secrets.b}"]}'},
    "parameters": {
        "type": "object",
        "properties": {"id": {"type": "string"}, "limit": {"type": "integer", "default": 5}, "note": {"type": "array"}},
        "required": ["id", "note"],
    },
    "timeout_seconds": 30,
    "check": {"method": "GET", "path": "/me"},
}
MINIMAL = {"base_url": "https://api.example.com", "method": "GET"}
BEARER = {"type": "bearer", "token": "{secrets.crm.apiKey}"}
API_KEY = {"type": "api_key", "in": "header", "name": "X-Key", "value": "{secrets.crm.apiKey}"}


def entries(*names_and_values) -> list[dict]:
    return [{"name": name, "value": value} for name, value in names_and_values]


def action(**changes) -> dict:
    return {**MINIMAL, "method": "POST", **changes}


def test_every_kind_is_found_by_its_key():
    assert {key: kind.key for key, kind in KINDS.items()} == {key: key for key in KINDS}
    assert {"api_action", "api_connection", "auth_connector"} <= set(KINDS)


@pytest.mark.parametrize("raw", [FULL, {**MINIMAL, "base_url": "https://api.example.com"}], ids=["full", "minimal"])
def test_an_action_survives_storing_and_reading(raw):
    config = ACTION.parse_config(raw)
    assert ACTION.parse_config(config.model_dump(mode="json", by_alias=True)) == config


@pytest.mark.parametrize("raw", [BEARER, API_KEY, {**API_KEY, "in": "query"}])
def test_a_connector_survives_storing_and_reading(raw):
    config = CONNECTOR.parse_config(raw)
    assert config.model_dump(mode="json", by_alias=True) == raw


def test_the_defaults_of_an_action():
    config = ACTION.parse_config(MINIMAL)
    assert (config.timeout_seconds, config.path, config.body.type, config.check) == (20, "", "none", None)


def test_slots_of_an_action():
    slots = ACTION.slots(ACTION.parse_config(FULL))
    assert [(slot.path, slot.template.source, slot.field) for slot in slots] == [
        ("path", "/contacts/{params.id}", "config.path"),
        ("headers.X-Tenant", "{secrets.tenant}", "config.headers[0].value"),
        ("query.limit", "{params.limit}", "config.query[0].value"),
        ("query.token", "{secrets.crm.token}", "config.query[1].value"),
        ("body", "{params.note}", "config.body.content"),
        ("body", "{secrets.a}", "config.body.content"),
        ("body", "{secrets.b}", "config.body.content"),
        ("check.path", "/me", "config.check.path"),
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"type": "text", "content": "a {secrets.x}"}, [("body", "a {secrets.x}", "config.body.content")]),
        (
            {"type": "form", "content": [{"name": "f", "value": "{secrets.x}"}]},
            [("body", "{secrets.x}", "config.body.content[0].value")],
        ),
        ({"type": "none"}, []),
    ],
)
def test_slots_of_other_bodies(body, found):
    slots = ACTION.slots(ACTION.parse_config(action(body=body)))
    assert [(slot.path, slot.template.source, slot.field) for slot in slots][1:] == found


@pytest.mark.parametrize(("raw", "path"), [(BEARER, "auth.token"), (API_KEY, "auth.value")])
def test_slots_of_a_connector(raw, path):
    slots = CONNECTOR.slots(CONNECTOR.parse_config(raw))
    assert [(slot.path, slot.template.secret_names) for slot in slots] == [(path, ("crm.apiKey",))]


def test_an_action_calls_its_base_url_and_a_connector_nobody():
    assert [(found.field, found.url) for found in ACTION.destinations(ACTION.parse_config(FULL))] == [
        ("config.base_url", "https://api.example.com/v1")
    ]
    assert CONNECTOR.destinations(CONNECTOR.parse_config(BEARER)) == []


def test_the_operation_of_an_action_declares_a_closed_object():
    (operation,) = ACTION.operations(ACTION.parse_config(FULL))
    assert (operation.name, operation.description, operation.read_only) == ("call", "POST /contacts/{params.id}", False)
    assert operation.parameters == {**FULL["parameters"], "additionalProperties": False}


@pytest.mark.parametrize(("method", "read_only"), [("GET", True), ("HEAD", True), ("DELETE", False), ("PATCH", False)])
def test_an_action_that_only_reads_says_so(method, read_only):
    (operation,) = ACTION.operations(ACTION.parse_config({**MINIMAL, "method": method}))
    assert (operation.read_only, operation.parameters) == (
        read_only,
        {"type": "object", "properties": {}, "additionalProperties": False},
    )


def test_a_connector_has_no_operation_and_nothing_to_check():
    config = CONNECTOR.parse_config(BEARER)
    assert (CONNECTOR.operations(config), CONNECTOR.check(config)) == ([], None)
    with pytest.raises(LookupError):
        CONNECTOR.plan(config, "call")


def plan(config, connector):
    """The request of an action, with what its connector adds."""
    parents = Parents(connector=CONNECTOR.parse_config(connector) if connector else None)
    return ACTION.plan(ACTION.parse_config(config), "call", parents).template


def sent(template: RequestTemplate, **params) -> tuple[str, dict[str, str]]:
    secrets = values(tenant="t1", a="A", b="B", **{"crm.token": "tok", "crm.apiKey": "key-1"})
    request = render(template, secrets=secrets, params=params)
    return str(request.url), dict(request.headers)


def test_build_makes_the_whole_request():
    template = plan(FULL, BEARER)
    url, headers = sent(template, id="7", limit=5, note=["x"])
    assert url == "https://api.example.com/v1/contacts/7?limit=5&token=tok"
    assert headers == {"Content-Type": "application/json", "X-Tenant": "t1", "Authorization": "Bearer key-1"}
    assert (template.method, template.timeout_seconds) == ("POST", 30)
    assert template.secret_names == ("crm.token", "tenant", "crm.apiKey", "a", "b")


@pytest.mark.parametrize(
    ("connector", "url", "headers"),
    [
        (API_KEY, "https://api.example.com/", {"X-Key": "key-1"}),
        ({**API_KEY, "in": "query"}, "https://api.example.com/?X-Key=key-1", {}),
        (None, "https://api.example.com/", {}),
    ],
)
def test_the_connectors_credential_goes_where_it_says(connector, url, headers):
    template = plan(MINIMAL, connector)
    assert sent(template) == (url, headers)


@pytest.mark.parametrize(
    ("changes", "connector", "field"),
    [
        ({"headers": entries(("authorization", "replaced"))}, BEARER, "config.headers[0].name"),
        ({"headers": entries(("A", "x"), ("x-key", "replaced"))}, API_KEY, "config.headers[1].name"),
        ({"query": entries(("X-Key", "replaced"))}, {**API_KEY, "in": "query"}, "config.query[0].name"),
    ],
)
def test_an_entry_that_collides_with_the_connector_is_an_error_and_never_sent(changes, connector, field):
    config, parsed = ACTION.parse_config(action(**changes)), CONNECTOR.parse_config(connector)
    assert [error.field for error in ACTION.problems_with_parents(config, Parents(connector=parsed))] == [field]
    url, headers = sent(ACTION.plan(config, "call", Parents(connector=parsed)).template)
    assert f"{url}{headers}".count("key-1") == 1
    assert "replaced" not in f"{url}{headers}"


def test_entries_beside_the_connectors_are_fine():
    config = ACTION.parse_config(
        action(headers=[{"name": "X-Other", "value": "x"}], query=[{"name": "X-Key", "value": "x"}])
    )
    assert ACTION.problems_with_parents(config, Parents(connector=CONNECTOR.parse_config(API_KEY))) == []


def test_a_check_sends_what_needs_no_argument():
    template = ACTION.check(ACTION.parse_config(FULL), Parents(connector=CONNECTOR.parse_config(BEARER))).template
    assert (template.method, template.body, template.param_names) == ("GET", None, ())
    assert sent(template) == (
        "https://api.example.com/v1/me?token=tok",
        {"X-Tenant": "t1", "Authorization": "Bearer key-1"},
    )


def test_an_action_without_a_check_has_no_check_request():
    assert ACTION.check(ACTION.parse_config(MINIMAL)) is None


def declared(**properties) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties)}


PIECES = st.sampled_from(
    ["/", "x", "..", "{secrets.a}", "{params.p}", "{", "}", "%", "%2e", "?", "\n", " ", "\u00e9", '"']
)
TEXTS = st.lists(PIECES, max_size=5).map("".join)


@given(path=TEXTS, header=TEXTS, query=TEXTS, body=TEXTS)
def test_whatever_is_saved_can_be_built_and_names_its_slots(path, header, query, body):
    raw = action(
        path=path,
        headers=entries(("H", header)),
        query=entries(("q", query)),
        body={"type": "text", "content": body},
        parameters=declared(p={"type": "string"}),
    )
    try:
        config = ACTION.parse_config(raw)
    except Invalid as refusal:
        assert refusal.errors
        return
    template = ACTION.plan(config, "call").template
    assert set(template.secret_names) == {name for slot in ACTION.slots(config) for name in slot.template.secret_names}
    request = render(template, secrets=values(a="value"), params={"p": "argument"})
    assert (request.url.scheme, request.url.raw_host) == ("https", "api.example.com")
