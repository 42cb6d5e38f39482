"""A database that an earlier version made migrates without a loss, on SQLite and on PostgreSQL."""

import json

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from config.sessions import RowKey
from tests.support.databases.old_databases import REFUSED, ROOT, TRIGGERS, loaded

pytestmark = pytest.mark.django_db

VERSION, VAR = "64866cb", ROOT / "var"
GROWING = {"django_migrations", "django_content_type", "auth_permission"}
"""Tables that `migrate` itself adds rows to."""
OURS = ("accounts", "secrets_app", "integrations")
OPENED = {
    "current": {
        "development": "known-development-value",
        "staging": "known-staging-value",
        "production": "first-production-value",
    },
    "staged": {"production": "known-production-value"},
    "previous": {"staging": "first-staging-value"},
}

DESTINATIONS = {
    ("billing.token", "Fetch invoice", "billing.example.com"),
    ("billing.token", "Refund invoice", "billing.example.com"),
    ("calcom-prod-api-key", "Reception calendar", "api.cal.com"),
    ("crm-staging-webhook-token", "Send test event", "127.0.0.1"),
    ("crm.apiKey", "Create follow-up task", "127.0.0.1"),
    ("crm.apiKey", "Look up patient", "127.0.0.1"),
    ("hubspot_api_token", "Find company", "api.hubapi.com"),
    ("hubspot_api_token", "Log call", "api.hubapi.com"),
    ("known.value", "Primary trunk", "sip.carrier.example"),
    ("known.value", "Show known value", "127.0.0.1"),
    ("stripe_restricted_key", "Create payment link", "api.stripe.com"),
}
"""Secret, integration and host; `crm.apiKey` belongs to a connector that two actions use."""


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    with loaded(VERSION, tmp_path_factory.mktemp("old")) as database:
        yield database


@pytest.fixture(scope="module")
def before(old):
    """Every table of the dump, as it was before."""
    return {name: old.table(name) for name in old.table_names()}


@pytest.fixture(scope="module")
def triggers_before(old):
    return old.trigger_names()


@pytest.fixture(scope="module")
def after_migrate(old, before, triggers_before):
    """What commands say: `migrate`, and those after it."""
    migrate, check = ["migrate", "--noinput", "--verbosity", "0"], ["migrate", "--check"]
    migrated, *told = old.run(migrate, ["opened_values"], ["verify_audit"], check)
    assert migrated == (False, "")
    return dict(zip(["opened_values", "verify_audit", "check"], told, strict=True))


@pytest.fixture(scope="module")
def migrated(old, after_migrate):
    """The same database after `migrate`."""
    return old


def test_dump_has_a_row_in_every_table_of_our_apps(before):
    ours = {name: len(table.rows) for name, table in before.items() if name.startswith(OURS)}
    without = {name for name, rows in ours.items() if not rows}
    assert len(ours) > 20
    assert without == {"accounts_user_groups", "accounts_user_user_permissions"}  # Django's, used by nothing here


def test_every_row_is_as_it_was(migrated, before):
    changed = []
    for name, table in before.items():
        if name == "django_session":
            continue
        rows = migrated.table(name, table.columns).rows
        same = all(row in rows for row in table.rows) if name in GROWING else rows == table.rows
        changed += [] if same else [name]
    assert changed == []


def test_sessions_are_sealed_under_digests(migrated, before):
    old = dict(row[:2] for row in before["django_session"].rows)
    new = dict(row[:2] for row in migrated.table("django_session").rows)
    assert old
    assert set(new) <= {RowKey.of(key) for key in old}
    assert not set(new.values()) & set(old.values())


def test_values_do_not_open_before_their_upgrade_and_are_not_marked(migrated, after_migrate):
    failed, said = after_migrate["opened_values"]
    assert failed
    assert "Unreadable: known" in said
    assert migrated.ask("SELECT count(*) FROM secrets_app_secretvalue WHERE unreadable") == [(0,)]


def test_log_without_keys_is_found(after_migrate):
    failed, said = after_migrate["verify_audit"]
    assert failed
    assert "Run `manage" in said


def test_every_model_has_its_table(migrated):
    assert {model._meta.db_table for model in apps.get_models()} <= migrated.table_names()


def test_no_migration_is_missing(after_migrate):
    assert after_migrate["check"] == (False, "")
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.fixture(scope="module")
def upgrade(migrated):
    """What `upgrade_values` says, and the commands after it."""
    memories = set(VAR.glob("values-upgraded-*"))
    yield migrated.run(["upgrade_values"], ["verify_audit"], ["opened_values"])
    for memory in set(VAR.glob("values-upgraded-*")) - memories:
        memory.unlink()


def test_values_are_sealed_again_and_open(upgrade):
    (failed, said), _, (_, opened) = upgrade
    assert not failed
    assert "sealed" in said
    assert json.loads(opened) == OPENED


def test_audit_log_is_intact(upgrade, before):
    failed, said = upgrade[1]
    told = said.splitlines()
    assert not failed
    assert len(told) == len(before["accounts_audithead"].rows)
    assert all(line.endswith("intact.") and "NOT" not in line for line in told)


def test_upgrade_changes_nothing_a_second_time(old, upgrade):
    names = ("secrets_app_secretvalue", "accounts_auditevent")
    before = {name: old.table(name) for name in names}
    assert old.run(["upgrade_values"], ["upgrade_values", "--again"]) == [(False, "")] * 2
    assert {name: old.table(name) for name in names} == before


def test_stored_integrations_have_their_destinations(migrated):
    found = set(
        migrated.ask(
            "SELECT r.name, i.name, d.host FROM integrations_secretdestination d "
            "JOIN integrations_secretreference r ON r.id = d.reference_id "
            "JOIN integrations_integration i ON i.id = d.integration_id"
        )
    )
    assert found == DESTINATIONS


def test_every_trigger_is_there(migrated, triggers_before):
    assert triggers_before
    assert triggers_before <= migrated.trigger_names()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE accounts_auditevent SET actor_label = 'Somebody else'", "append-only"),
        ("DELETE FROM accounts_auditevent", "append-only"),
        ("DELETE FROM accounts_membership WHERE role = 'owner'", "owner"),
    ],
)
def test_database_still_refuses(migrated, statement, told):
    with pytest.raises(REFUSED, match=told):
        migrated.ask(statement)


def test_a_new_database_has_the_same_tables_and_triggers(migrated):
    with connection.cursor() as cursor:
        triggers = {name for (name,) in cursor.execute(TRIGGERS[migrated.vendor]).fetchall()}
        tables = set(connection.introspection.table_names(cursor))
    assert (triggers, tables | {"coffer_cache"}) == (migrated.trigger_names(), migrated.table_names())


def test_every_migration_can_be_taken_back_with_its_rows(old, upgrade):
    """Nothing is left of them then, so that they can be applied again like to a new database."""
    old.run_module("tests.support.databases.taken_back")
    assert {name for name in old.names() if not name.lstrip("_").startswith("django_migrations")} == set()
    assert old.ask("SELECT count(*) FROM django_migrations") == [(0,)]
