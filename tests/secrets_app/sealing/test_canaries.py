"""A process with a wrong master key seals nothing and retires nothing; the repair mends what such processes did."""

import asyncio
import base64

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connections

from accounts.common.database import close_connections
from accounts.common.environments import Environment
from accounts.models import AuditEvent
from config import lifespan
from config.asgi import application
from config.http import health
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.errors import KeyUnavailable
from secrets_app.models import KeyState, MasterKeyCanary, OrganizationKey, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import canaries, crypto, keyring
from tests import environment
from tests.support.api.asgi import served
from tests.support.databases.rows import all_rows
from tests.support.databases.stored_values import stored_values
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db

OTHER = base64.b64encode(bytes(range(100, 132))).decode()
WRONG, RIGHT = f"test:env:{OTHER}", f"test:env:{environment.MASTER_KEY}"
NEW = Plaintext("another-value-of-it")


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch):
    monkeypatch.setattr(health, "KEPT_SECONDS", -1.0)
    monkeypatch.setattr(health, "_last", health._last)  # so that the next test asks anew, too


def ready(client):
    answer = client.get("/readyz")
    document = answer.json()
    assert (document["parts"]["keys"]["code"] in document["problems"]) == (not document["ready"])
    del document["parts"], document["warnings"]
    return answer.status_code, document


def test_migrating_writes_the_canary_of_each_key(master_keys):
    assert [row.pk for row in MasterKeyCanary.objects.all()] == ["test"]
    master_keys(f"new:env:{OTHER},{RIGHT}")
    call_command("migrate", verbosity=0)
    assert {row.pk for row in MasterKeyCanary.objects.all()} == {"new", "test"}


def test_first_sealing_writes_the_canary_of_a_database_of_before(owner):
    MasterKeyCanary.objects.all().delete()
    canaries.forget()
    store_secret(owner)
    assert [row.pk for row in MasterKeyCanary.objects.all()] == ["test"]


def test_wrong_key_seals_nothing_and_changes_nothing(owner, master_keys, client):
    secret = store_secret(owner)
    before = all_rows()
    master_keys(WRONG)
    with pytest.raises(KeyUnavailable, match="COFFER_MASTER_KEYS: this process's key test is not the key test"):
        update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={Environment.STAGING: NEW}))
    with pytest.raises(KeyUnavailable):
        store_secret(owner, "second.key")
    assert all_rows() == before
    assert ready(client) == (503, {"ready": False, "problems": ["keys_do_not_match"], "lost_data_keys": 2})
    master_keys(RIGHT)
    assert ready(client) == (200, {"ready": True, "problems": [], "lost_data_keys": 0})
    assert stored_values(secret)[Environment.STAGING][1] == VALUE


def test_wrong_key_is_found_without_a_canary_by_the_first_data_key(owner, master_keys):
    MasterKeyCanary.objects.all().delete()
    master_keys(WRONG)
    with pytest.raises(KeyUnavailable):
        store_secret(owner)
    assert not MasterKeyCanary.objects.exists()


def test_canary_of_somebody_else_is_no_way_in(owner, master_keys):
    """A canary that a writer of the database planted stops the service, and makes nobody seal with a wrong key."""
    other = crypto.seal_canary(base64.b64decode(OTHER), "test")
    MasterKeyCanary.objects.update(sealed=other)
    canaries.forget()
    with pytest.raises(KeyUnavailable):
        store_secret(owner)


@pytest.mark.parametrize("command", ["migrate", "serve", "keys"])
def test_commands_refuse_a_wrong_key_with_a_sentence(master_keys, command):
    master_keys(WRONG)
    options = {"verbosity": 0} if command == "migrate" else {}
    with pytest.raises(CommandError, match="COFFER_MASTER_KEYS: this process's key test is not the key test"):
        call_command(command, **options)


def started(monkeypatch):
    """What the server is told at its start."""
    sent, problems = [], canaries.problems_at_start()

    async def at_once(job):
        return problems

    async def receive():
        return {}

    async def send(message):
        sent.append(message)

    monkeypatch.setattr(lifespan, "in_database", at_once)
    asyncio.run(lifespan.lifespan({}, receive, send))
    return sent


def test_server_does_not_start_with_a_wrong_key(master_keys, monkeypatch):
    master_keys(WRONG)
    told = started(monkeypatch)
    assert [message["type"] for message in told] == ["lifespan.startup.failed"]
    assert "COFFER_MASTER_KEYS" in told[0]["message"]


def test_server_starts_while_the_database_does_not_answer(monkeypatch):
    def gone():
        raise DatabaseError

    monkeypatch.setattr(canaries, "mismatches", gone)
    assert canaries.problems_at_start() == []


async def test_server_starts_while_nobody_can_connect_to_the_database(monkeypatch):
    def refuses(*_):
        raise OperationalError("connection refused")

    await asyncio.to_thread(close_connections)
    monkeypatch.setattr(type(connections["default"]), "get_new_connection", refuses)
    async with served(application):  # with all that lasts as long as the server
        pass


def test_lost_data_key_of_one_organization_leaves_the_service_ready(owner, outsider, client):
    secret = store_secret(owner)
    store_secret(outsider)
    OrganizationKey.objects.filter(organization=owner.organization).update(wrapped=b"damaged")
    assert ready(client) == (200, {"ready": True, "problems": [], "lost_data_keys": 1})
    with pytest.raises(KeyUnavailable, match="does not open with the master key test"):
        update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={Environment.STAGING: NEW}))
    store_secret(outsider, "second.key")


def test_lost_data_key_of_the_installation_makes_it_unready(client):
    OrganizationKey.objects.filter(organization=None).update(wrapped=b"damaged")
    assert ready(client) == (503, {"ready": False, "problems": ["keys_do_not_match"], "lost_data_keys": 1})


@pytest.fixture
def damaged(owner):
    """What a wrong host did before there were canaries: it retired the good data key and sealed under its own."""
    secret, wrong = store_secret(owner), base64.b64decode(OTHER)
    OrganizationKey.objects.filter(organization=owner.organization).update(state=KeyState.RETIRING.value)
    theirs = keyring.new_key(owner.organization)
    data_key = crypto.new_data_key()
    theirs.wrapped = crypto.wrap_data_key(
        wrong, data_key, organization=owner.organization.id, data_key_id=theirs.id, master_key_id="test"
    )
    theirs.save()
    value = SecretValue.objects.select_related("secret").get(environment="production")
    bound = keyring.context(value.secret, Environment.PRODUCTION, value.version, theirs)
    value.sealed, value.data_key = crypto.seal_value(data_key, Plaintext("theirs"), bound), theirs
    value.save()
    return secret


def keys(capsys, **options):
    call_command("keys", **options)
    return capsys.readouterr().out


def test_repair_makes_the_good_data_key_active_and_names_what_is_lost(damaged, owner, capsys):
    before = SecretValue.objects.count(), OrganizationKey.objects.count()
    with pytest.raises(KeyUnavailable):
        store_secret(owner, "second.key")
    said = keys(capsys, repair=True)
    assert "Repaired harbor-clinics: data key " in said
    assert "Does not open: crm.apiKey, Production (current). Enter a new value" in said
    assert (SecretValue.objects.count(), OrganizationKey.objects.count()) == before
    event = AuditEvent.objects.order_by("-sequence").first()
    assert (event.event, event.data) == ("organization.keys_repaired", {"values_left": 1})
    update_secret(actor=owner, secret_id=damaged.id, changes=SecretChanges(values={Environment.PRODUCTION: NEW}))
    assert {text for _, text in stored_values(damaged).values()} == {VALUE, NEW.expose()}


def test_list_changes_nothing_and_says_what_depends_on_what(damaged, capsys):
    before = all_rows()
    said = keys(capsys)
    assert "Master key test: seals new data keys; data keys: 3, values: 3." in said
    assert ", opens only, under the master key test; values: 2.\n" in said
    assert ", seals, under the master key test; values: 1.\n" in said
    assert "The installation: data key " in said
    assert ", seals, under the master key test; for audit logs and second factors.\n" in said
    assert "harbor-clinics: Data key " in said
    assert all_rows() == before
    keys(capsys, repair=True)
    after = all_rows()
    keys(capsys, repair=True)
    assert all_rows() == after


def test_repair_makes_a_new_key_where_none_opens(owner, capsys, master_keys):
    secret = store_secret(owner)
    master_keys(f"new:env:{OTHER}")
    said = keys(capsys, repair=True)
    assert "Master key test: NOT held by this process; data keys: 2, values: 3." in said
    assert "Repaired the installation" in said
    assert said.count("Does not open: crm.apiKey") == 3
    store_secret(owner, "second.key")
    master_keys(f"new:env:{OTHER},{RIGHT}")
    assert stored_values(secret)[Environment.STAGING][1] == VALUE
    assert keys(capsys).endswith("Every data key opens.\n")
