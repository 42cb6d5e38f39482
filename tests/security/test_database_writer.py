"""Write access to the database, and no key: what a writer tries, one attack a test.

No value leaves its allowed domains, no row signs in, no code runs, no past event vanishes unnoticed. What remains
possible is in docs/threat-model.md, "Limits".
"""

import base64
import json
import logging
import os
import pickle

import pytest
from django.conf import settings as configured
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings

from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.errors import Refusal
from accounts.models import AuditEvent, AuditHead, User
from accounts.people.people import create_person
from config.demo import upstream
from config.management.exported_heads import export_heads
from config.sessions import RowKey
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation
from tests.support.audit import audit_unlocked
from tests.support.databases.old_form import chain_without_keys, sealed_in_old_form
from tests.support.things import VALUE, make_action, store_secret
from tests.support.web.sign_in_forms import EMAIL, PASSWORD, is_in, password_in

pytestmark = pytest.mark.django_db
STAGING = Environment.STAGING


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    """Where commands remember what they did."""
    settings.VAR = tmp_path


def execute(statement, *parameters):
    """One statement, past Django and past every trigger."""
    with audit_unlocked(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


# Values


@pytest.fixture
def evil():
    """A host that a writer would like to have a value sent to, and what it received."""
    seen = []
    with upstream.serving(0, seen.append) as port:
        yield f"http://localhost:{port}", seen


@pytest.fixture
def bound(owner, evil):
    """A secret for one host, and an action that sends it to another: refused at each run, as it should be."""
    secret = store_secret(owner, allowed_domains=["api.example.com"])
    return secret, make_action(owner, base_url=evil[0])


REWRITTEN = {
    "no domains, which is any host": [],
    "another host": ["localhost"],
    "one host more": ["api.example.com", "localhost"],
    "an object that is empty": {},
    "an object with a host": {"localhost": 1},
    "a number that counts as empty": 0,
    "a text": "localhost",
    "the canonical text itself": ["any host"],
}


@pytest.mark.parametrize("domains", REWRITTEN.values(), ids=REWRITTEN)
def test_value_does_not_follow_domains_that_were_rewritten(bound, owner, run, evil, domains):
    secret, action = bound
    with pytest.raises(Refusal) as refused:
        run(owner, action, STAGING)
    assert refused.value.code == "domain_not_allowed"
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=domains)
    with pytest.raises(Refusal):
        run(owner, action, STAGING)
    assert evil[1] == []


def test_value_in_another_order_of_the_same_domains_still_opens(owner, run, evil):
    secret = store_secret(owner, allowed_domains=["localhost", "api.example.com"])
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=["api.example.com", "localhost", "localhost"])
    assert run(owner, make_action(owner, base_url=evil[0]), STAGING).outcome == "succeeded"
    assert VALUE in str(evil[1])


@pytest.mark.parametrize("state", ["staged", "previous"])
def test_staged_and_previous_values_do_not_follow_either(bound, owner, run, evil, state):
    secret, action = bound
    staged = rotation.stage(actor=owner, secret_id=secret.id, environment=STAGING, value=Plaintext("x" * 20))
    if state == "previous":
        rotation.promote(actor=owner, secret_id=secret.id, environment=STAGING, approve=lambda row: [])
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=[])
    SecretValue.objects.filter(secret=secret, environment="staging", state="current").update(
        state="destroyed", sealed=None
    )
    SecretValue.objects.filter(secret=secret, environment="staging", state=state).update(
        state="current", retired_at=None, rollback_until=None
    )
    assert staged.secret_id == secret.pk
    with pytest.raises(Refusal) as refused:
        run(owner, action, STAGING)
    assert refused.value.code == "key_unavailable"
    assert evil[1] == []


def test_value_moved_to_a_secret_without_domains_does_not_open(bound, owner, run, evil):
    secret, _ = bound
    free = store_secret(owner, "free.key")
    action = make_action(owner, "Free", uses="free.key", base_url=evil[0])
    good = SecretValue.objects.get(secret=secret, environment="staging")
    SecretValue.objects.filter(secret=free, environment="staging").update(sealed=good.sealed, version=good.version)
    with pytest.raises(Refusal):
        run(owner, action, STAGING)
    assert evil[1] == []


def test_row_in_the_form_of_before_is_no_way_around_the_domains(bound, owner, run, evil):
    secret, action = bound
    value = SecretValue.objects.select_related("secret", "data_key").get(secret=secret, environment="staging")
    SecretValue.objects.filter(pk=value.pk).update(sealed=sealed_in_old_form(value, VALUE))
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=[])
    call_command("upgrade_values")
    with pytest.raises(Refusal):
        run(owner, action, STAGING)
    assert evil[1] == []


def test_values_that_are_entered_again_repair_what_was_rewritten(bound, owner, run, evil):
    secret, action = bound
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=["localhost"])
    with pytest.raises(Refusal):
        run(owner, action, STAGING)
    values = dict.fromkeys(Environment, Plaintext("entered-by-an-owner"))
    changes = SecretChanges(allowed_domains=["localhost"], values=values)
    update_secret(actor=owner, secret_id=secret.id, changes=changes)
    assert run(owner, action, STAGING).outcome == "succeeded"


# Sessions


@pytest.fixture
def victim(owner):
    """Somebody with a session, and somebody else with another one."""
    cache.clear()
    create_person(email=EMAIL, name="Mara", password=PASSWORD)
    create_person(email="jonas@harbor.example", name="Jonas", password=PASSWORD)
    theirs, mine = Client(), Client()
    password_in(theirs)
    password_in(mine, email="jonas@harbor.example")
    assert is_in(theirs)
    return key_of(theirs), mine


def key_of(client):
    return RowKey.of(client.cookies[configured.SESSION_COOKIE_NAME].value)


def who(client):
    """The address on the account page; None without a session."""
    page = client.get("/account/")
    return None if page.status_code != 200 else EMAIL if EMAIL in page.content.decode() else "somebody else"


def test_data_of_a_session_in_another_row_is_no_session(victim):
    theirs, mine = victim
    data = Session.objects.get(pk=theirs).session_data
    Session.objects.filter(pk=key_of(mine)).update(session_data=data)
    assert who(mine) is None


def test_row_of_a_session_under_the_digest_of_another_cookie_is_no_session(victim):
    theirs, mine = victim
    Session.objects.filter(pk=key_of(mine)).delete()
    Session.objects.filter(pk=theirs).update(session_key=key_of(mine))
    assert who(mine) is None


@pytest.mark.parametrize("form", ["signed as before", "in clear", "nothing"])
def test_session_that_was_written_by_hand_is_no_session(victim, form):
    _, mine = victim
    user = User.objects.get(email=EMAIL)
    data = {SESSION_KEY: str(user.pk), "_auth_user_backend": configured.AUTHENTICATION_BACKENDS[0],
            "_auth_user_hash": user.get_session_auth_hash()}  # fmt: skip
    written = {
        "signed as before": signing.dumps(data, salt="django.contrib.sessions.SessionStore", compress=True),
        "in clear": base64.b64encode(json.dumps(data).encode()).decode(),
        "nothing": "",
    }
    Session.objects.filter(pk=key_of(mine)).update(session_data=written[form])
    assert who(mine) is None


# Code


class Code:
    """Loading this from a pickle runs a command."""

    def __reduce__(self):
        return os.putenv, ("COFFER_TEST_RAN", "yes")


def test_row_of_the_cache_runs_no_code(owner, monkeypatch):
    """Every key that a sign-in looks up holds a pickle."""
    monkeypatch.setattr(pickle, "loads", lambda data: pytest.fail("loaded a pickle"))
    create_person(email=EMAIL, name="Mara", password=PASSWORD)
    table = {"default": {"BACKEND": "config.caches.JsonDatabaseCache", "LOCATION": "coffer_cache"}}
    with override_settings(CACHES=table):
        call_command("createcachetable", verbosity=0)
        cache.clear()
        password_in(Client(), password="wrong")
        code = base64.b64encode(pickle.dumps(Code())).decode()
        execute("UPDATE coffer_cache SET value = %s", code)
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM coffer_cache")
            assert cursor.fetchone()[0] > 0
        client = Client()
        password_in(client)
        assert is_in(client)
        cache.clear()


# The audit log


@pytest.fixture
def log(owner):
    """Eight events, of which a writer wants three gone."""
    secret = store_secret(owner)
    for number in range(7):
        update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(description=f"change {number}"))
    assert AuditEvent.objects.filter(organization_id=owner.organization.id).count() == 8
    return owner.organization


def without_three(organization, key, key_id=None):
    """Remove three events and compute the chain of the others anew, as well as one can."""
    with audit_unlocked():
        events = AuditEvent.objects.filter(organization_id=organization.id)
        events.filter(sequence__in=[3, 4, 5]).delete()
        previous = b""
        for number, event in enumerate(events.order_by("sequence"), start=1):
            event.sequence, event.key_id = number, key_id or (event.key_id if key else None)
            event.chain = previous = trail.chain_hash(previous, event, key)
            event.save()
        AuditHead.objects.filter(pk=organization.id).update(sequence=5, chain=previous)


def findings(capsys):
    with pytest.raises(CommandError, match="not intact"):
        call_command("verify_audit")
    return capsys.readouterr().out


def test_chain_that_was_computed_anew_without_a_key_is_found(log, capsys):
    without_three(log, None)
    assert "no entry has a key" in findings(capsys)


def test_chain_that_was_computed_anew_with_a_key_of_ones_own_is_found(log, capsys):
    without_three(log, b"x" * 32)
    assert "Entry 1 was changed or does not follow" in findings(capsys)


def test_chain_under_a_key_that_does_not_exist_is_found(log, capsys):
    without_three(log, b"x" * 32, key_id="0b8f6a0e-5d2c-4a53-9d24-4d8a2d5a8d11")
    assert "cannot be checked: its key 0b8f6a0e" in findings(capsys)


def test_events_that_were_put_in_later_without_a_key_are_found(log, capsys):
    with audit_unlocked():
        head = AuditHead.objects.get(pk=log.id)
        event = AuditEvent.objects.get(organization_id=log.id, sequence=8)
        event.pk, event.sequence, event.key_id = "0b8f6a0e-5d2c-4a53-9d24-4d8a2d5a8d11", 9, None
        event.chain = trail.chain_hash(bytes(head.chain), event, None)
        event.save(force_insert=True)
        AuditHead.objects.filter(pk=log.id).update(sequence=9, chain=event.chain)
    assert "Entry 9 has no key, although entries before it have one." in findings(capsys)


def test_events_of_before_the_keys_cannot_vanish_either(log, owner, capsys):
    chain_without_keys(log)
    call_command("upgrade_values")
    call_command("verify_audit")
    capsys.readouterr()
    with audit_unlocked():
        events = AuditEvent.objects.filter(organization_id=log.id)
        events.filter(sequence__in=[3, 4, 5]).delete()
        previous = b""
        for number, event in enumerate(events.filter(key_id=None).order_by("sequence"), start=1):
            event.sequence, event.chain = number, trail.chain_hash(previous, event, None)
            previous = event.chain
            event.save()
        events.exclude(key_id=None).update(sequence=6)
        AuditHead.objects.filter(pk=log.id).update(sequence=6)
    assert "Entry 6 was changed or does not follow" in findings(capsys)


def test_end_that_was_cut_off_is_found_with_what_housekeeping_wrote_down(log, tmp_path, capsys, caplog):
    with caplog.at_level(logging.INFO):
        export_heads()
    file = tmp_path / "log"
    file.write_text("\n".join(record.getMessage() for record in caplog.records))
    with audit_unlocked():
        AuditEvent.objects.filter(organization_id=log.id, sequence__gt=5).delete()
        last = AuditEvent.objects.get(organization_id=log.id, sequence=5)
        AuditHead.objects.filter(pk=log.id).update(sequence=5, chain=last.chain)
    call_command("verify_audit")
    with pytest.raises(CommandError, match="not intact"):
        call_command("verify_audit", head=file)
