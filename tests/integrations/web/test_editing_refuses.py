"""Forms of integrations that are wrong: each refusal is at its field, and what was typed comes back."""

import pytest

from accounts.common.environments import Environment
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.models import Integration
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext
from tests.support.web.integration_forms import (
    ACTION,
    CONFIG,
    CONNECTOR,
    DOMAIN_CHECK,
    LIST,
    NEW_ACTION,
    NEW_CONNECTOR,
    OAUTH,
    errors_of,
    page_of,
)
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db
# What is malformed

WRONG_ACTIONS = [
    ({"name": ""}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"description": "x" * 501}, "description"),
    ({"environments": ["mars"]}, "environments"),
    ({"base_url": ""}, "base_url"),
    ({"base_url": "https://{secrets.x}.example.com"}, "base_url"),
    ({"base_url": "ftp://api.example.com"}, "base_url"),
    ({"method": "BREW"}, "method"),
    ({"path": "/{{secrets.x}}"}, "path"),
    ({"auth_connector": "junk"}, "auth_connector"),
    ({"header_name": ["Host", ""]}, "header_name-0"),
    ({"header_name": ["A", "", "B"], "header_value": ["1", "", "{Secrets.x}"]}, "header_value-1"),
    ({"query_name": [""], "query_value": ["x"]}, "query_name-0"),
    ({"query_value": ["{secrets.}"]}, "query_value-0"),
    ({"query_name": ["a", "b"]}, ""),
    ({"body_type": "soup"}, "body_type"),
    ({"method": "HEAD"}, "body_type"),
    ({"body_content": '{"phone": '}, "body_content"),
    ({"body_type": "form", "form_name": ["{params.phone}"], "form_value": ["x"]}, "form_name-0"),
    ({"body_type": "form", "form_name": ["a"], "form_value": ["{params.nobody}"]}, "form_value-0"),
    ({"timeout_seconds": "soon"}, "timeout_seconds"),
    ({"timeout_seconds": "0.5"}, "timeout_seconds"),
    ({"timeout_seconds": ""}, "timeout_seconds"),
    ({"check_path": "/{params.phone}"}, "check_path"),
    ({"param_name": ["clinic", "clinic", ""]}, "param_name-1"),
    ({"param_name": ["clinic", "two words", ""]}, "param_name-1"),
    ({"param_name": ["clinic", "", ""]}, "param_name-1"),
    ({"param_type": ["string", "soup", "string"]}, "param_type-1"),
    ({"param_type": ["integer", "string", "string"]}, "param_choices-0"),
    ({"param_required": ["no", "yes", "yes"]}, "path"),
    ({"param_type": ["string"]}, ""),
]


@pytest.mark.parametrize(("fields", "field"), WRONG_ACTIONS)
def test_wrong_action_is_refused_at_its_field_and_nothing_typed_is_lost(as_owner, organization, fields, field):
    sent = ACTION | fields
    response = as_owner.post(NEW_ACTION, sent)
    assert response.status_code == 422
    assert field in errors_of(response)
    assert not Integration.objects.exists()
    if field:
        assert f'id="e-{field}"' in response.content.decode()
    again = form_with(response, "base_url")
    for name in ("name", "description", "base_url", "path", "body_content", "timeout_seconds", "check_path"):
        assert again[name] == [sent[name]]
    for name in ("header_name", "header_value", "query_value", "param_name", "param_description", "param_choices"):
        assert [entry for entry in again.get(name, []) if entry] == [entry for entry in sent[name] if entry]


WRONG_CONNECTORS = [
    ({"type": "soup"}, "type"),
    ({"type": ""}, "type"),
    ({"token": ""}, "token"),
    ({"token": "{secrets.}"}, "token"),
    ({"token": "{params.x}"}, "token"),
    ({"type": "api_key", "in": "cookie", "key_name": "k", "value": "v"}, "in"),
    ({"type": "api_key", "in": "header", "key_name": "Host", "value": "v"}, "key_name"),
    ({"type": "api_key", "in": "header", "key_name": "", "value": "v"}, "key_name"),
    ({"type": "api_key", "in": "query", "key_name": "k", "value": ""}, "value"),
    (OAUTH | {"extra_name": ["a", "scope"], "extra_value": ["", "b"]}, "extra_name-1"),
    (OAUTH | {"extra_name": ["a"], "extra_value": ["{secrets.}"]}, "extra_value-0"),
    (OAUTH | {"grant_type": "a b"}, "grant_type"),
    (OAUTH | {"token_url": "https://zoom.us/{secrets.x}"}, "token_url"),
]


@pytest.mark.parametrize(("fields", "field"), WRONG_CONNECTORS)
def test_wrong_connector_is_refused_at_its_field(as_owner, organization, fields, field):
    response = as_owner.post(NEW_CONNECTOR, CONNECTOR | fields)
    assert response.status_code == 422
    assert field in errors_of(response)
    assert f'id="e-{field}"' in response.content.decode()
    shown = form_with(response, "token")
    for name in {"token", "token_url", "grant_type", "extra_name", "extra_value"} & fields.keys():
        typed = fields[name] if isinstance(fields[name], list) else [fields[name]]
        assert shown[name] == typed[: len(shown[name])], name


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"headers": [{"name": "X", "value": "{secrets.off}"}]}, "header_value-0"),
        ({"query": [{"name": "a", "value": "1"}, {"name": "b", "value": "{secrets.off}"}]}, "query_value-1"),
        ({"path": "/{secrets.off}"}, "path"),
        ({"body_type": "json", "body_content": '"{secrets.off}"'}, "body_content"),
        ({"body_type": "form", "form": "{secrets.off}"}, "form_value-0"),
        ({"check_path": "/{secrets.off}"}, "check_path"),
    ],
)
def test_reference_to_a_disabled_secret_is_refused_at_its_slot(as_owner, owner, config, field):
    values = {Environment.STAGING: Plaintext("canary-of-the-editor-1c")}
    secret = create_secret(actor=owner, name="off", values=values)
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    sent = {"name": "x", "base_url": "https://api.example.com", "method": "POST", "timeout_seconds": "20"}
    sent |= {"body_type": "none"} | {name: text for name, text in config.items() if isinstance(text, str)}
    for prefix, name in (("header", "headers"), ("query", "query")):
        sent[f"{prefix}_name"] = [row["name"] for row in config.get(name, [])]
        sent[f"{prefix}_value"] = [row["value"] for row in config.get(name, [])]
    sent |= {"form_name": ["f"], "form_value": [config["form"]]} if "form" in config else {}
    response = as_owner.post(NEW_ACTION, sent)
    assert errors_of(response) == {field: "The secret off is disabled. Enable it first, or use another secret."}


def test_connector_that_collides_with_its_users_is_refused(as_owner, owner, connector):
    config = {"base_url": "https://api.example.com", "method": "GET", "auth_connector": str(connector.id)}
    config |= {"headers": [{"name": "X-Key", "value": "x"}]}
    create_integration(actor=owner, kind="api_action", name="User of it", config=config)
    sent = form_with(as_owner.get(page_of(connector)), "token")
    sent |= {"type": "api_key", "in": "header", "key_name": "X-Key", "value": "{secrets.y}"}
    errors = errors_of(as_owner.post(page_of(connector), sent))
    assert errors[""].startswith("User of it:")


def test_edit_of_an_older_version_is_told_and_loses_nothing(as_owner, owner, action):
    sent = form_with(as_owner.get(page_of(action)), "base_url") | {"path": "/mine"}
    update_integration(
        actor=owner, integration_id=action.id, changes=IntegrationChanges(description="by somebody else")
    )
    response = as_owner.post(page_of(action), sent)
    assert response.status_code == 422
    assert "Somebody else changed this integration" in errors_of(response)[""]
    assert "Open the saved version in a new tab" in response.content.decode()
    again = form_with(response, "base_url")
    assert (again["path"], again["version"]) == (["/mine"], ["2"])
    action.refresh_from_db()
    assert action.config == CONFIG
    assert as_owner.post(page_of(action), again).status_code == 303
    action.refresh_from_db()
    assert action.config["path"] == "/mine"


@pytest.mark.parametrize("version", [[], "", "junk", "0", "9" * 400, "-1"])
def test_edit_without_a_version_is_never_applied(as_owner, action, version):
    sent = form_with(as_owner.get(page_of(action)), "base_url") | {"path": "/mine", "version": version}
    assert as_owner.post(page_of(action), sent).status_code == 422
    action.refresh_from_db()
    assert action.config == CONFIG


JUNK = "{secrets.\0€{\"'<>" * 5_000  # 95 KB


@pytest.mark.parametrize("address", [NEW_ACTION, NEW_CONNECTOR, DOMAIN_CHECK])
@pytest.mark.parametrize("names", [(), ACTION, CONNECTOR])
def test_odd_posts_are_answered_with_a_sentence(as_owner, organization, address, names):
    response = as_owner.post(address, dict.fromkeys(names, JUNK))
    assert response.status_code == (200 if address == DOMAIN_CHECK else 422)
    assert address == DOMAIN_CHECK or all(errors_of(response).values())
    assert not Integration.objects.exists()


def test_unknown_kind_is_not_found(as_owner, organization):
    assert as_owner.get(f"{LIST}new/teapot/").status_code == 404
    assert as_owner.post(f"{LIST}new/teapot/").status_code == 404


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "{% load x %}"])
def test_what_was_typed_comes_back_escaped(as_owner, organization, text):
    response = as_owner.post(
        NEW_ACTION, ACTION | {"name": text, "path": text, "header_value": [text, ""], "method": "x"}
    )
    assert text not in response.content.decode() or "<" not in text
    assert form_with(response, "base_url")["path"] == [text]
