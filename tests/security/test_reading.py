"""Reading changes nothing, and nothing that can be read holds a value (T5, T25; ASVS 3.5.3)."""

import contextlib
import io
import json
import sys

import pytest
from django.core import serializers
from django.core.management import CommandError, call_command, get_commands
from django.core.serializers.json import DjangoJSONEncoder
from django.forms.models import model_to_dict

from accounts.common.environments import Environment
from accounts.models import ApiKey
from secrets_app.editing.secrets import create_secret
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from tests.factories import ApprovalFactory
from tests.fixtures.api import Caller
from tests.support.api.operations import OPERATIONS
from tests.support.browser_sessions import stored_sessions
from tests.support.canary import VALUES, leaks
from tests.support.databases.rows import USE_OF_KEYS, all_rows
from tests.support.source import APPS
from tests.support.things import key_for
from tests.support.web.access_table import TABLE, address

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db, pytest.mark.usefixtures("inline")]

PAGES = [row for row in TABLE if row[0] == "GET" and "api/v1" not in row[1]]
READS = [operation for operation in OPERATIONS if operation[0] == "GET"]


def test_page_that_is_asked_for_writes_nothing(world):
    clients, ids = world
    before, wrote = all_rows(), {}
    for _, pattern in PAGES:
        for name in ("owner", "member", "outsider", "anonymous"):
            clients[name].get(address(pattern, ids))
        clients["owner"].head(address(pattern, ids))
        after = all_rows()
        if changed := {table for table in before if before[table] != after[table]}:
            wrote[pattern] = changed
        before = after
    assert wrote == {}


def test_operation_that_reads_writes_nothing_but_the_use_of_the_key(owner, world):
    caller = Caller(key_for(owner))
    mine = ApprovalFactory(organization=owner.organization, caller_id=ApiKey.objects.latest("created_at").pk)
    before, ids = all_rows(*USE_OF_KEYS), world[1] | {"approval_id": mine.pk}
    for _, path in READS:
        assert caller.call("GET", path.format(**ids)).status_code == 200
    assert all_rows(*USE_OF_KEYS) == before


@pytest.fixture
def secret(owner):
    values = {environment: Plaintext(text) for environment, text in VALUES.items()}
    return create_secret(actor=owner, name="crm.apiKey", values=values)


def test_model_has_no_way_to_the_text(secret):
    value = SecretValue.objects.first()
    for row in (secret, value):
        texts = {name: repr(getattr(row, name, "")).encode() for name in dir(row) if not name.startswith("__")}
        assert leaks(texts) == []
        assert not {"value", "plaintext", "text", "decrypt", "open", "reveal"} & set(texts)


def test_every_way_to_write_a_model_down_leaves_the_text_out(secret):
    rows = [*Secret.objects.all(), *SecretValue.objects.all()]
    plain = {"sealed": "", "_state": "", "required_in": ""}
    written = {
        "dicts": repr([model_to_dict(row) for row in rows]),
        "json": serializers.serialize("json", rows),
        "xml": serializers.serialize("xml", rows),
        "columns": json.dumps([row.__dict__ | plain for row in rows], cls=DjangoJSONEncoder),
        "repr": repr(rows),
    }
    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)
    assert leaks({name: text.encode() for name, text in written.items()} | {"dump": dump.getvalue().encode()}) == []


COMMANDS_OF_OURS = {
    "backup",
    "copy_database",
    "create_api_key",
    "create_member",
    "create_organization",
    "deactivate_person",
    "deliver_alerts",
    "doctor",
    "housekeeping",
    "import_env",
    "keys",
    "list_secrets",
    "readiness",
    "restore_check",
    "revoke_api_key",
    "rotate_data_keys",
    "rotate_master_key",
    "send_mail",
    "serve",
    "upgrade_values",
    "verify_audit",
}


def test_no_command_gives_a_value(secret, owner, settings, tmp_path, monkeypatch):
    settings.VAR = tmp_path
    ours = {name for name, app in get_commands().items() if app in APPS}
    assert ours == COMMANDS_OF_OURS
    said = io.StringIO()
    call_command("verify_audit", stdout=said)
    call_command("housekeeping", stdout=said)
    call_command("deliver_alerts", stdout=said)
    call_command("keys", repair=True, stdout=said)
    call_command("restore_check", stdout=said)
    call_command("upgrade_values", stdout=said)
    call_command("rotate_master_key", stdout=said)
    call_command("rotate_data_keys", older_than=0, stdout=said)
    slug = owner.organization.slug
    options = {"organization": slug, "name": "k", "scope": ["run"], "environment": ["staging"]}
    call_command("create_api_key", stdout=said, **options)
    call_command("list_secrets", stdout=said, organization=slug)
    call_command("create_organization", stdout=said, name="Another", owner="new@x.example")
    with contextlib.suppress(CommandError):
        call_command("readiness", stdout=said, organization=slug)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"NEW_KEY={VALUES[Environment.STAGING]}\n"))
    call_command("import_env", stdout=said, organization=slug, environment="staging")
    assert leaks({"commands": said.getvalue().encode()}) == []
    assert "cof_" in said.getvalue()


def test_session_holds_no_value(world, owner):
    clients, _ = world
    fields = {f"value_{environment.value}": text for environment, text in VALUES.items()}
    form = {"name": "from.form", "mode": "per-env", "enabled": "on", **fields}
    clients["owner"].post("/o/harbor-clinics/secrets/new/", {**form, "name": "2 bad"})
    clients["owner"].post("/o/harbor-clinics/secrets/new/", form)
    assert Secret.objects.filter(name="from.form").exists()
    stored = [json.dumps(session) for session in stored_sessions()]
    assert all("_auth_user_id" in text for text in stored)
    assert leaks({str(number): text.encode() for number, text in enumerate(stored)}) == []
    assert len(Environment) == len(fields)
