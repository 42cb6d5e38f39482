"""*Send test*: a real run from the page, to a real server; every way it can end is shown in the panel."""

import json
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from config.demo import upstream
from integrations.broker.broker import RunResult
from integrations.broker.masking import Answer, BodyType
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.exchange.messages import PreviewRequest
from integrations.models import Run, RunOutcome
from integrations.web import testing
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = {environment: f"canary-of-the-test-{environment}-4be1" for environment in Environment}
HTMX = {"HX-Request": "true"}
PARAMETERS = {
    "type": "object",
    "properties": {
        "phone": {"type": "string", "description": "With country code"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "sure": {"type": "boolean"},
        "place": {"type": "string", "enum": ["north", "south"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "call_id": {"type": "string", "default": "unknown"},
    },
    "required": ["phone"],
}
BODY = {name: f"{{params.{name}}}" for name in ("phone", "call_id")}
ARGUMENTS = {"environment": "staging", "arg_phone": "+49 40 5550"}


@pytest.fixture
def received():
    """What a real server on loopback was sent, and its address."""
    seen: list[dict] = []
    with upstream.serving(0, seen.append) as port:
        yield seen, f"http://127.0.0.1:{port}"


@pytest.fixture
def secret(owner):
    values = {environment: Plaintext(value) for environment, value in VALUES.items()}
    return create_secret(actor=owner, name="crm.apiKey", values=values)


@pytest.fixture
def action(owner, secret, received):
    return create_integration(
        actor=owner,
        kind="api_action",
        name="Look up patient",
        environments=list(Environment),
        config={
            "base_url": received[1],
            "method": "POST",
            "path": "/v2/patients",
            "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}],
            "body": {"type": "json", "content": json.dumps(BODY)},
            "parameters": PARAMETERS,
        },
    )


def address(action):
    return reverse("integration-test", args=["harbor-clinics", action.id])


def tried(browser, action, **fields):
    response = browser.post(address(action), ARGUMENTS | fields, headers=HTMX)
    page = response.content.decode()
    assert "<html" not in page
    assert not any(value in page for value in VALUES.values())
    return response, page


def change(owner, action, **config):
    update_integration(actor=owner, integration_id=action.id, changes=IntegrationChanges(config=action.config | config))


# What works


def test_value_of_staging_arrives_and_the_panel_shows_masks(as_owner, action, received):
    response, page = tried(as_owner, action)
    assert response.status_code == 200
    assert [request["headers"]["Authorization"] for request in received[0]] == [f"Bearer {VALUES['staging']}"]
    assert json.loads(received[0][0]["body"]) == {"phone": "+49 40 5550", "call_id": "unknown"}
    for text in ("200 OK", "/v2/patients", "The reply repeated", "crm.apiKey", "••••••••"):
        assert text in page
    assert Run.objects.get().outcome == "succeeded"


def test_without_javascript_the_whole_page_shows_the_result(as_owner, action):
    page = as_owner.post(address(action), ARGUMENTS).content.decode()
    assert "<html" in page
    assert "200 OK" in page
    assert 'value="+49 40 5550"' in page
    assert VALUES["staging"] not in page


def test_production_is_called_when_it_was_ticked(as_owner, action, received):
    tried(as_owner, action, environment="production", confirm_production="on")
    assert [request["headers"]["Authorization"] for request in received[0]] == [f"Bearer {VALUES['production']}"]


@pytest.mark.parametrize(
    ("name", "typed", "sent"),
    [
        ("count", "12", 12),
        ("share", "0.5", 0.5),
        ("share", "3", 3),
        ("sure", "false", False),
        ("place", "south", "south"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("call_id", "{secrets.crm.apiKey}", "{secrets.crm.apiKey}"),
    ],
)
def test_argument_is_sent_as_its_declared_type(as_owner, owner, action, received, name, typed, sent):
    required = {"parameters": PARAMETERS | {"required": ["phone", name]}}
    change(owner, action, body={"type": "json", "content": json.dumps({name: f"{{params.{name}}}"})}, **required)
    tried(as_owner, action, **{f"arg_{name}": typed})
    body = json.loads(received[0][0]["body"])
    assert json.dumps(body) == json.dumps({name: sent})


def test_answer_other_than_success_is_shown_as_it_is(as_owner, owner, action):
    change(owner, action, path="/none", query=[{"name": "status", "value": "404"}])
    response, page = tried(as_owner, action)
    assert response.status_code == 200
    assert 'class="st bad"' in page
    assert "404 Not Found" in page


# Who may not


def test_member_tests_nothing(as_member, action, received):
    assert as_member.post(address(action), ARGUMENTS).status_code == 403
    assert (received[0], Run.objects.count()) == ([], 0)


def test_outsider_finds_nothing(as_outsider, outsider, action, received):
    assert as_outsider.post(address(action), ARGUMENTS).status_code == 404
    theirs = reverse("integration-test", args=[outsider.organization.slug, action.id])
    assert as_outsider.post(theirs, ARGUMENTS).status_code == 404
    assert (received[0], Run.objects.count()) == ([], 0)


def test_connector_calls_nobody(as_owner, owner):
    config = {"type": "bearer", "token": "{secrets.x}"}
    connector = create_integration(actor=owner, kind="auth_connector", name="x", config=config)
    assert as_owner.post(address(connector), ARGUMENTS).status_code == 404


# What is refused


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"environment": "production"}, "Tick “Send it to Production anyway”"),
        ({"environment": "mars"}, "Choose an environment"),
        ({"environment": ""}, "Choose an environment"),
    ],
)
def test_panel_that_is_not_filled_in_sends_nothing(as_owner, action, received, fields, sentence):
    response, page = tried(as_owner, action, **fields)
    assert response.status_code == 422
    assert sentence in page
    assert (received[0], Run.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("phone", "", "This argument is required."),
        ("count", "twelve", "Give a value of type integer."),
        ("count", "9" * 5_000, "Give a value of type integer."),
        ("share", "1e999", "Give a value of type number."),
        ("sure", "perhaps", "Give a value of type boolean."),
        ("place", "west", "Choose one of: north, south."),
        ("tags", "[" * 50_000, "Give a value of type array."),
        ("tags", "[NaN]", "Give a value of type array."),
        ("phone", "\0", "Remove NUL"),
    ],
)
def test_wrong_argument_is_shown_at_its_field(as_owner, action, received, name, typed, sentence):
    response, page = tried(as_owner, action, **{f"arg_{name}": typed})
    assert response.status_code == 422
    field = page[page.index(f'id="field-arg-{name}" hx-swap-oob="true"') :].partition('id="field-arg-')[2]
    assert sentence in field.partition('id="field-arg-')[0]
    assert 'aria-invalid="true"' in field.partition('id="field-arg-')[0]
    assert received[0] == []
    assert Run.objects.get().error_code == "invalid_arguments"


def test_refusal_has_title_detail_and_code(as_owner, owner, action, secret, received):
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    response, page = tried(as_owner, action)
    assert response.status_code == 200
    for text in ("Secret disabled", "The secret crm.apiKey is disabled.", "secret_disabled"):
        assert text in page
    assert received[0] == []


def test_upstream_that_is_down_is_told(as_owner, owner, action):
    change(owner, action, base_url="http://127.0.0.1:9")
    response, page = tried(as_owner, action)
    assert response.status_code == 200
    assert "upstream_unreachable" in page


def test_environment_that_it_does_not_run_in_is_told(as_owner, owner, action):
    update_integration(
        actor=owner, integration_id=action.id, changes=IntegrationChanges(environments=[Environment.DEVELOPMENT])
    )
    assert "environment_not_enabled" in tried(as_owner, action)[1]


@pytest.mark.parametrize(
    ("body", "body_type", "shown"),
    [
        ({"a": "\ud800"}, BodyType.JSON, '"\\ud800"'),
        ("ü", BodyType.TEXT, "ü"),
        (None, BodyType.WITHHELD, ""),
        ("aGk=", BodyType.BASE64, "aGk="),
        ({"ü": 1}, BodyType.JSON, '{\n  "ü": 1\n}'),
    ],
)
def test_every_kind_of_answer_can_be_shown(body, body_type, shown):
    answer = Answer(200, True, "O\udcffK", [], body, body_type, 3, [])
    preview = PreviewRequest("GET", "api.example.com", "/", [], None)
    result = testing._result(RunResult(uuid4(), RunOutcome.SUCCEEDED, answer, 5, lambda: preview))
    assert shown in result.body_text
    assert (result.reason + result.body_text).encode()


def test_answer_that_is_nested_too_deeply_is_not_shown():
    body: list = []
    for _ in range(100_000):
        body = [body]
    answer = Answer(200, True, "OK", [], body, BodyType.JSON, 3, [])
    assert testing._body_text(answer) == testing.TOO_DEEP


def test_answer_that_is_too_long_for_a_page_is_shortened_and_says_so():
    answer = Answer(200, True, "OK", [], "z" * (testing.MOST_SHOWN + 1_234), BodyType.BASE64, 3, [])
    shown = testing._body_text(answer)
    assert len(shown) < testing.MOST_SHOWN + 100
    assert "1,234 more characters" in shown


def test_a_changed_form_is_saved_first_and_then_tested(as_owner, action, received):
    seen, _ = received
    address = reverse("integration-test", args=["harbor-clinics", action.id])
    page = as_owner.get(reverse("integration-edit", args=["harbor-clinics", action.id]))
    sent = form_with(page, "save_first") | {"path": "/v3/people"}
    answer = as_owner.post(address, sent | ARGUMENTS, headers=HTMX)
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "form-saved"
    assert 'name="version" id="f-version" value="2" hx-swap-oob="true"' in answer.content.decode()
    assert [request["path"] for request in seen] == ["/v3/people"]
    refused = as_owner.post(address, sent | {"version": "2", "name": ""} | ARGUMENTS, headers=HTMX)
    assert refused.status_code == 422
    assert "What you see could not be saved" in refused.content.decode()
    outdated = as_owner.post(address, sent | ARGUMENTS, headers=HTMX)
    assert "Somebody else changed this integration" in outdated.content.decode()
    assert len(seen) == 1
