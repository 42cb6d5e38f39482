"""A secret gains a destination: whichever way it comes about, one judgement, one event, one notice."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core import mail

from accounts.actors import Actor, actor_for_key
from accounts.common.environments import Environment
from accounts.errors import PermissionDenied, ProofNeeded
from accounts.models import ApiKey, AuditEvent, Membership
from accounts.policy import Role, Scope
from integrations.editing.integrations import (
    IntegrationChanges,
    delete_integration,
    duplicate_integration,
    update_integration,
)
from integrations.models import Integration, SecretReference
from integrations.references.replace import replace_references
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import create_secret, set_enabled, update_secret
from secrets_app.importing.apply import apply_import
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from tests.support.databases.undone import failures
from tests.support.things import key_for, make_action, make_connection, make_connector, store_secret

pytestmark = pytest.mark.django_db
KEY_SCOPES = [Scope.INTEGRATIONS_WRITE, Scope.SECRETS_WRITE, Scope.RUN]
EVIL = "https://collector.example.net"


def edit(actor: Actor, name: str, **changes) -> Integration:
    fields = {key: changes.pop(key) for key in ("enabled", "environments", "description") if key in changes}
    stored = Integration.objects.get(name=name)
    config = {"config": {**stored.config, **changes}} if changes else {}
    return update_integration(actor=actor, integration_id=stored.pk, changes=IntegrationChanges(**config, **fields))


def id_of(name: str):
    return Integration.objects.get(name=name).pk


def new_reference(actor):
    make_action(actor, "Fresh", base_url=EVIL)


def changed_host(actor):
    edit(actor, "Look up patient", base_url=EVIL)


def changed_host_of_the_connection(actor):
    edit(actor, "CRM API", base_url=EVIL)


def connector_on_another_host(actor):
    make_action(actor, "Fresh", uses="", base_url=EVIL, auth_connector=str(id_of("CRM bearer token")))


def connector_of_the_connection(actor):
    edit(actor, "Bare", auth_connector=str(id_of("CRM bearer token")))


def copy_switched_on(actor):
    edit(actor, "Look up patient (copy)", enabled=True)


def one_more_environment(actor):
    edit(actor, "Look up patient", environments=[Environment.STAGING, Environment.PRODUCTION])


def another_slot(actor):
    extra = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
    edit(actor, "Look up patient", headers=[*extra, {"name": "X-Note", "value": "{secrets.crm.apiKey}"}])


def replaced_everywhere(actor):
    first, second = Secret.objects.get(name="crm.other"), Secret.objects.get(name="crm.apiKey")
    replace_references(actor=actor, secret_id=first.id, replacement_id=second.id)


def rename_that_binds(actor):
    secret = Secret.objects.get(name="crm.apiKey")
    update_secret(actor=actor, secret_id=secret.id, changes=SecretChanges(name="not.yet"))


def creation_that_binds(actor):
    create_secret(actor=actor, name="not.yet", values={Environment.STAGING: Plaintext("a-value-of-some-length")})


def import_that_binds(actor):
    apply_import(actor=actor, environment=Environment.STAGING, text=Plaintext("not.yet=a-value-of-some-length"))


WAYS: list[tuple[Callable[[Actor], None], tuple[str, str, list[str]]]] = [
    (new_reference, ("crm.apiKey", "collector.example.net", ["staging"])),
    (changed_host, ("crm.apiKey", "collector.example.net", ["staging"])),
    (changed_host_of_the_connection, ("crm.apiKey", "collector.example.net", ["staging"])),
    (connector_on_another_host, ("crm.apiKey", "collector.example.net", ["staging"])),
    (connector_of_the_connection, ("crm.apiKey", "bare.example.com", ["staging"])),
    (copy_switched_on, ("crm.apiKey", "api.example.com", ["staging"])),
    (one_more_environment, ("crm.apiKey", "api.example.com", ["production"])),
    (another_slot, ("crm.apiKey", "api.example.com", ["staging"])),
    (replaced_everywhere, ("crm.apiKey", "other.example.com", ["staging"])),
    (rename_that_binds, ("not.yet", "waits.example.com", ["staging"])),
    (creation_that_binds, ("not.yet", "waits.example.com", ["staging"])),
    (import_that_binds, ("not.yet", "waits.example.com", ["staging"])),
]
BY_NAME = {way.__name__: (way, event) for way, event in WAYS}


@pytest.fixture
def stage(owner):
    """Everything that the ways start from."""
    store_secret(owner)
    store_secret(owner, "crm.other")
    action = make_action(owner)
    duplicate_integration(actor=owner, integration_id=action.id)
    connector = make_connector(owner)
    connection = make_connection(owner, auth_connector=str(connector.id))
    make_action(owner, "Through", uses="", base_url="", connection=str(connection.id))
    make_connection(owner, "https://bare.example.com", "Bare")
    make_action(owner, "Other", uses="crm.other", base_url="https://other.example.com")
    make_action(owner, "Waiting", uses="not.yet", base_url="https://waits.example.com")


def key_actor(owner: Actor, *scopes: Scope, **bounds) -> Actor:
    key_for(owner, *scopes, **bounds)
    return actor_for_key(ApiKey.objects.select_related("organization").latest("created_at"))


def events() -> list[tuple[str, str, list[str]]]:
    found = AuditEvent.objects.filter(event="secret.destination_added").order_by("sequence")
    return [(event.target_label, event.data["host"], event.data["environments"]) for event in found]


def state() -> list:
    """Whatever an act that is refused must leave alone."""
    return [
        sorted(Integration.objects.values_list("name", "version", "enabled")),
        sorted(Secret.objects.values_list("name", "version")),
        sorted(SecretReference.objects.values_list("name", "slot")),
        AuditEvent.objects.count(),
    ]


@pytest.mark.usefixtures("stage")
def test_owners_admins_and_keys_with_the_scope_may_and_it_is_on_record(owner, admin):
    key = key_actor(owner, *KEY_SCOPES, Scope.SECRETS_USE)

    def is_on_record(name):
        (way, event), before = BY_NAME[name], len(events())
        way(key if way is new_reference else admin)
        assert events()[before:] == [event]

    assert failures(BY_NAME, is_on_record) == {}


@pytest.mark.usefixtures("stage")
def test_key_without_the_scope_may_not_nor_one_for_other_secrets_nor_a_session_without_proof(owner):
    other = Secret.objects.get(name="crm.other")
    without = key_actor(owner, *KEY_SCOPES)
    for_other = key_actor(owner, *KEY_SCOPES, Scope.SECRETS_USE, secrets=[other.id])

    def is_refused(name):
        way, event = BY_NAME[name]
        before = state()
        for actor, kind, named in (
            (without, PermissionDenied, "secrets.use"),
            (for_other, PermissionDenied, event[0]),
            (replace(owner, proven=False), ProofNeeded, event[1]),
        ):
            with pytest.raises(kind) as refusal:
                way(actor)
            assert named in refusal.value.detail
            before[3] = AuditEvent.objects.count()
            assert state() == before

    assert failures(BY_NAME, is_refused) == {}


def test_a_key_for_this_secret_may(owner):
    secret = store_secret(owner)
    new_reference(key_actor(owner, *KEY_SCOPES, Scope.SECRETS_USE, secrets=[secret.id]))
    assert events() == [("crm.apiKey", "collector.example.net", ["staging"])]


@pytest.mark.usefixtures("stage")
def test_losing_and_keeping_a_destination_needs_nothing_new(owner):
    limited = replace(key_actor(owner, *KEY_SCOPES), proven=False)
    before = events()
    edit(limited, "Look up patient", description="Another text", method="POST", path="/other")
    edit(limited, "Look up patient", environments=[])
    edit(limited, "Other", enabled=False)
    edit(limited, "CRM API", auth_connector=None)
    edit(limited, "CRM API", base_url=EVIL)  # nothing is sent there
    make_action(limited, "Without secrets", uses="", base_url=EVIL)
    make_action(limited, "Disabled", base_url=EVIL, enabled=False)
    make_action(limited, "Nowhere", base_url=EVIL, environments=[])
    make_connector(limited, "Alone")
    duplicate_integration(actor=limited, integration_id=id_of("Look up patient"))
    secret = Secret.objects.get(name="crm.apiKey")
    set_enabled(actor=limited, secret_id=secret.id, enabled=False)
    set_enabled(actor=limited, secret_id=secret.id, enabled=True)
    update_secret(actor=limited, secret_id=secret.id, changes=SecretChanges(name="crm.renamed"))
    delete_integration(actor=limited, integration_id=id_of("Look up patient"))
    assert events() == before


@pytest.mark.usefixtures("stage")
def test_a_connector_at_a_host_that_gets_its_secret_already_gives_nothing_new(owner):
    """Who may write integrations may add actions of a connection; each sends the same credential to the same host."""
    before = events()
    make_action(key_actor(owner, *KEY_SCOPES), "Second", uses="", base_url="", connection=str(id_of("CRM API")))
    assert events() == before


def test_a_key_may_not_give_a_destination_outside_its_environments(owner):
    """The connector runs everywhere, the action that it is moved with in Production."""
    store_secret(owner)
    store_secret(owner, "crm.other")
    connector = make_connector(owner, environments=[Environment.STAGING])
    make_action(owner, uses="", environments=[Environment.PRODUCTION], auth_connector=str(connector.id))
    staging = key_actor(owner, *KEY_SCOPES, Scope.SECRETS_USE, environments=[Environment.STAGING])
    with pytest.raises(PermissionDenied, match="production"):
        edit(staging, "CRM bearer token", token="{secrets.crm.other}")


def test_owners_are_told_if_the_secret_is_used_in_production(owner, admin, django_capture_on_commit_callbacks):
    store_secret(owner)
    with django_capture_on_commit_callbacks(execute=True):
        make_action(admin, "Only in staging")
    assert mail.outbox == []
    with django_capture_on_commit_callbacks(execute=True):
        make_action(admin, environments=[Environment.PRODUCTION], base_url=EVIL)
    (told,) = mail.outbox
    assert told.to == list(Membership.objects.filter(role=Role.OWNER).values_list("user__email", flat=True))
    assert "crm.apiKey to collector.example.net" in told.body
    assert admin.label in told.body
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        make_action(admin, "In staging again", base_url="https://third.example.com")
    assert "crm.apiKey to third.example.com" in mail.outbox[0].body
