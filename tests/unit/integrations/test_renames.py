"""Names of secrets in stored configurations: all of them change, and nothing else does."""

import json

import pytest

from accounts.errors import Invalid
from integrations.kinds import KINDS
from integrations.references.rename import rewritten

OLD, NEW = "crm.apiKey", "crm.patients"
ACTION = {
    "base_url": "https://api.example.com",
    "method": "POST",
    "path": "/v1/{secrets.crm.apiKey}/{params.id}",
    "headers": [
        {"name": "X-Plain", "value": "crm.apiKey {secrets.crm.apiKey2} {secrets.crm.apikey}"},
        {"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}  {secrets.crm.apiKey}"},
    ],
    "query": [{"name": "key", "value": "{secrets.crm.apiKey}"}],
    "parameters": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    "check": {"method": "GET", "path": "/ping/{secrets.crm.apiKey}"},
}
BODIES = {
    "json": '{ "a" :[ "x{secrets.crm.apiKey}y", 1.50 ],\n\t"\\u0062": "\\ud83d\\ude00 \\"{secrets.crm.apiKey}\\"" }',
    "text": "key={secrets.crm.apiKey}\r\n{secrets.other} {braces}",
    "form": [{"name": "a", "value": "{secrets.crm.apiKey}"}, {"name": "b", "value": "{secrets.crm.apiKeys}"}],
}
CONNECTORS = [
    {"type": "bearer", "token": "{secrets.crm.apiKey}"},
    {"type": "api_key", "in": "query", "name": "crm.apiKey", "value": "v{secrets.crm.apiKey}"},
]


def replaced(config):
    """What a person would get with search and replace over the exact placeholder."""
    return json.loads(json.dumps(config).replace("{secrets.crm.apiKey}", "{secrets.crm.patients}"))


@pytest.mark.parametrize("kind", BODIES)
def test_every_slot_of_an_action_is_rewritten_and_nothing_else(kind):
    config = {**ACTION, "body": {"type": kind, "content": BODIES[kind]}}
    assert rewritten(KINDS["api_action"], config, OLD, NEW) == replaced(config)


@pytest.mark.parametrize("config", CONNECTORS)
def test_every_slot_of_a_connector_is_rewritten_and_nothing_else(config):
    assert rewritten(KINDS["auth_connector"], config, OLD, NEW) == replaced(config)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["\\u007bsecrets.crm\\u002eapiKey} \\u00e9é"]', '["{secrets.crm.patients} \\u00e9é"]'),
        ('["\\ud83d\\ude00{secrets.crm.apiKey}\\n"]', '["\\ud83d\\ude00{secrets.crm.patients}\\n"]'),
        ('["\\\\{secrets.crm.apiKey}\\\\"]', '["\\\\{secrets.crm.patients}\\\\"]'),
        ('["😀{secrets.crm.apiKey}"]', '["😀{secrets.crm.patients}"]'),
        (
            '[ "{secrets.other}", "{secrets.crm.apiKey}" , null]',
            '[ "{secrets.other}", "{secrets.crm.patients}" , null]',
        ),
    ],
)
def test_placeholder_in_json_is_found_however_it_is_spelt(before, after):
    config = {"base_url": "https://a.example.com", "method": "POST", "body": {"type": "json", "content": before}}
    found = rewritten(KINDS["api_action"], config, OLD, NEW)
    assert found["body"]["content"] == after


def test_configuration_that_does_not_name_it_stays():
    assert rewritten(KINDS["api_action"], ACTION, "unknown", NEW) == ACTION


def test_given_configuration_is_not_touched():
    config = {**ACTION, "headers": [dict(entry) for entry in ACTION["headers"]]}
    rewritten(KINDS["api_action"], config, OLD, NEW)
    assert config == ACTION


def test_text_that_becomes_too_long_is_refused():
    config = {"type": "bearer", "token": "x" * 8160 + "{secrets.crm.apiKey}"}
    with pytest.raises(Invalid):
        rewritten(KINDS["auth_connector"], config, OLD, "y" * 128)


def test_kind_that_hides_a_placeholder_is_refused(monkeypatch):
    kind = KINDS["auth_connector"]
    slots = kind.slots({**CONNECTORS[0]} and kind.read(CONNECTORS[0]))
    monkeypatch.setattr(type(kind), "slots", lambda self, config: slots)
    with pytest.raises(RuntimeError):
        rewritten(kind, CONNECTORS[0], OLD, NEW)
