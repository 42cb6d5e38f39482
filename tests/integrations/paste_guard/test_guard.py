"""The paste guard: raw credentials in the plain texts of an integration."""

import pytest

from accounts.common.environments import Environment
from accounts.errors import Invalid, PermissionDenied
from accounts.models import AuditEvent
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.errors import RawCredential
from integrations.models import Integration
from integrations.paste_guard import guard
from secrets_app.models import Secret
from secrets_app.sealing import resolver
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db

KEY = "sk-proj-Zq3xK9dT0pLr7WmB2nYc4VhG8sJf5aEu"
D, S, P = Environment
BASE = {"base_url": "https://api.example.com", "method": "POST"}
PLACES = {
    "config.headers[0].value": {"headers": [{"name": "Authorization", "value": f"Bearer {KEY}"}]},
    "config.query[0].value": {"query": [{"name": "key", "value": KEY}]},
    "config.path": {"path": f"/hooks/{KEY}"},
    "config.body.content": {"body": {"type": "json", "content": f'{{"token": "{KEY}"}}'}},
    "config.body.content[0].value": {"body": {"type": "form", "content": [{"name": "token", "value": KEY}]}},
    "config.base_url": {"base_url": f"https://api.example.com/hooks/{KEY}/send"},
    "config.check.path": {"check": {"method": "GET", "path": f"/me/{KEY}"}},
}


def create(actor, config, **fields):
    return create_integration(actor=actor, kind="api_action", name="Call", config=BASE | config, **fields)


@pytest.mark.parametrize("where", PLACES)
def test_a_raw_credential_is_refused_with_its_field(owner, where):
    with pytest.raises(RawCredential) as refusal:
        create(owner, PLACES[where])
    assert [error.field for error in refusal.value.errors] == [where]
    assert "an OpenAI API key" in refusal.value.errors[0].message
    assert KEY not in repr(refusal.value.__dict__)
    assert not Integration.objects.exists()


def test_it_is_kept_when_that_is_said_and_the_log_tells_where(owner):
    integration = create(owner, PLACES["config.query[0].value"], accept_raw_credentials=True)
    event = AuditEvent.objects.get(target_id=integration.id)
    assert event.data["raw_credentials"] == [["config.query[0].value", "an OpenAI API key"]]
    assert KEY not in str(event.data)


def test_what_was_kept_is_not_asked_about_again_but_a_second_one_is(owner):
    integration = create(owner, PLACES["config.query[0].value"], accept_raw_credentials=True)
    update_integration(actor=owner, integration_id=integration.id, changes=IntegrationChanges(name="Another"))
    more = BASE | PLACES["config.query[0].value"] | {"headers": [{"name": "X-Api-Key", "value": "hunter2222"}]}
    with pytest.raises(RawCredential) as refusal:
        update_integration(actor=owner, integration_id=integration.id, changes=IntegrationChanges(config=more))
    assert [error.field for error in refusal.value.errors] == ["config.headers[0].value"]


@pytest.mark.parametrize("field", ["name", "description"])
def test_name_and_description_are_looked_at_too(owner, field):
    integration = make_action(owner)
    with pytest.raises(RawCredential) as refusal:
        update_integration(
            actor=owner, integration_id=integration.id, changes=IntegrationChanges(**{field: f"uses {KEY}"})
        )
    assert [error.field for error in refusal.value.errors] == [field]
    assert "Remove it" in refusal.value.errors[0].message


def test_placeholders_are_no_credentials(owner):
    config = {"headers": [{"name": "Authorization", "value": "Bearer {secrets.a-Very-Long-Name-0123456789-x9Y8z7}"}]}
    assert create(owner, config).pk


def save(owner, config, name="openai", **fields):
    found = guard.find(Integration(config=config))
    return guard.save_as_secret(
        actor=owner, kind="api_action", found=found[0], config=config, name=name, **{"environments": []} | fields
    )


@pytest.mark.parametrize("where", PLACES)
def test_saved_as_a_secret_its_name_stands_in_its_place(owner, where):
    config = BASE | PLACES[where]
    integration = create(owner, save(owner, config, environments=[S]))
    secret = Secret.objects.get()
    assert (secret.name, secret.allowed_domains) == ("openai", ["api.example.com"])
    assert [reference.name for reference in integration.references.all()] == ["openai"]
    assert KEY not in str(integration.config)
    assert set(resolver.find(owner.organization, ["openai"], S)) == {"openai"}
    assert [value.environment for value in secret.values.all()] == ["staging"]


def test_of_a_base_url_the_rest_moves_to_the_path(owner):
    after = save(owner, BASE | PLACES["config.base_url"] | {"path": "/now"})
    assert (after["base_url"], after["path"]) == ("https://api.example.com/hooks", "/{secrets.openai}/send/now")


def test_it_goes_wherever_it_stood(owner):
    after = save(owner, BASE | PLACES["config.headers[0].value"] | PLACES["config.query[0].value"])
    assert after["headers"][0]["value"] == "Bearer {secrets.openai}"
    assert after["query"][0]["value"] == "{secrets.openai}"


def test_escapes_of_a_json_body_are_not_part_of_the_value(owner):
    pem = "-----BEGIN PRIVATE KEY-----\nTUlJRQ==\n-----END PRIVATE KEY-----"
    escaped = pem.replace("\n", "\\n")
    config = BASE | {"body": {"type": "json", "content": f'{{"pem": "{escaped}"}}'}}
    (found,) = guard.find(Integration(config=config))
    assert found.text == pem
    assert save(owner, config)["body"]["content"] == '{"pem": "{secrets.openai}"}'


def test_a_member_saves_none(member):
    with pytest.raises(PermissionDenied):
        save(member, BASE | PLACES["config.path"])


def test_a_name_that_is_taken_is_refused(owner):
    store_secret(owner, "openai")
    with pytest.raises(Invalid) as refusal:
        save(owner, BASE | PLACES["config.path"])
    assert [error.field for error in refusal.value.errors] == ["name"]


def test_the_findings_do_not_print_the_text(owner):
    assert KEY not in repr(guard.find(Integration(config=BASE | PLACES["config.path"])))
