"""`manage.py rotate_master_key`: every data key once, whatever was done before, and never with a wrong key."""

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from secrets_app.models import OrganizationKey
from secrets_app.sealing import background, rewrapping
from tests.support.audit import chain_holds
from tests.support.databases.rows import all_rows
from tests.support.databases.stored_values import stored_values
from tests.support.master_keys import NEW_ENTRY, NEW_FIRST, OLD_ENTRY, OLD_FIRST, OTHER
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db

MAY_GO = (
    "Nothing needs the master key test. If it is the old one, remove it from COFFER_MASTER_KEYS once every host has "
    "the master key new in front.\n"
)


def rotated(capsys):
    call_command("rotate_master_key")
    return capsys.readouterr().out


def wrapped_by():
    return sorted(OrganizationKey.objects.kept().values_list("master_key_id", flat=True))


def test_everything_opens_with_the_new_key_alone(owner, outsider, master_keys, capsys):
    secrets = store_secret(owner), store_secret(outsider)
    sealed = all_rows("wrapped", "master_key_id")["SecretValue"]
    master_keys(NEW_FIRST)
    said = rotated(capsys)
    assert said.endswith(f"Wrapped 3 data keys with the master key new.\n{MAY_GO}")
    assert all_rows("wrapped", "master_key_id")["SecretValue"] == sealed
    master_keys(NEW_ENTRY)
    for secret in secrets:
        assert stored_values(secret)[Environment.STAGING][1] == VALUE
    for organization in (owner.organization, outsider.organization):
        event = AuditEvent.objects.filter(organization_id=organization.pk).latest("sequence")
        assert (event.event, event.data) == ("organization.data_key_rewrapped", {"master_key": "new"})
        assert chain_holds(organization)
    call_command("keys")
    said = capsys.readouterr().out
    assert "Master key test: NOT held by this process; data keys: 0, values: 0.\n" in said
    assert "Every data key opens.\n" in said


def test_nothing_happens_a_second_time_and_before_the_new_key_is_first(owner, master_keys, capsys):
    store_secret(owner)
    master_keys(OLD_FIRST)
    assert rotated(capsys).startswith("Wrapped 0 data keys with the master key test.\n")
    assert set(wrapped_by()) == {"test"}
    master_keys(NEW_FIRST)
    rotated(capsys)
    before = all_rows()
    assert rotated(capsys) == f"Wrapped 0 data keys with the master key new.\n{MAY_GO}"
    assert all_rows() == before


def test_interrupted_rotation_goes_on_where_it_stopped(owner, outsider, master_keys, capsys, monkeypatch):
    secret = store_secret(owner)
    store_secret(outsider)
    master_keys(NEW_FIRST)
    monkeypatch.setattr(rewrapping, "BATCH", 2)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewrapping.rewrap_all(progress=stop)
    assert wrapped_by() == ["new", "new", "test"]
    assert stored_values(secret)[Environment.STAGING][1] == VALUE
    assert "Wrapped 1 data keys" in rotated(capsys)
    assert wrapped_by() == ["new", "new", "new"]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (f"new:env:{OTHER}", "needs the master key test, which COFFER_MASTER_KEYS does not list"),
        (f"test:env:{OTHER}", "this process's key test is not the key test that this database is sealed with"),
    ],
)
def test_without_the_old_key_nothing_is_changed_and_what_remains_is_named(owner, master_keys, keys, sentence):
    store_secret(owner)
    before = all_rows()["OrganizationKey"]
    master_keys(keys)
    with pytest.raises(CommandError, match=sentence):
        call_command("rotate_master_key")
    assert all_rows()["OrganizationKey"] == before


def test_data_key_that_does_not_open_stays_and_is_named(owner, outsider, master_keys):
    store_secret(owner)
    store_secret(outsider)
    OrganizationKey.objects.filter(organization=owner.organization).update(wrapped=b"damaged")
    master_keys(NEW_FIRST)
    with pytest.raises(CommandError, match=r"does not open with the master key test.\n1 data keys are not under"):
        call_command("rotate_master_key")
    assert wrapped_by() == ["new", "new", "test"]
    assert bytes(OrganizationKey.objects.get(organization=owner.organization).wrapped) == b"damaged"


def test_key_that_changed_meanwhile_is_left_to_who_changed_it(owner, master_keys, monkeypatch):
    store_secret(owner)
    master_keys(NEW_FIRST)
    give_way = rewrapping.give_way

    def destroyed_first(job):
        OrganizationKey.objects.filter(organization=owner.organization).update(state="destroyed", wrapped=None)
        return give_way(job)

    monkeypatch.setattr(rewrapping, "give_way", destroyed_first)
    rewrapping.rewrap_all(progress=lambda keys: None)
    assert OrganizationKey.objects.get(organization=owner.organization).wrapped is None
    assert not AuditEvent.objects.filter(event="organization.data_key_rewrapped").exists()


def test_database_that_stays_busy_is_said_and_one_that_is_busy_for_a_moment_is_asked_again(
    owner, master_keys, monkeypatch, capsys
):
    master_keys(NEW_FIRST)
    monkeypatch.setattr(background, "PAUSE_SECONDS", 0)
    tried = []

    def busy():
        tried.append(1)
        if len(tried) != background.TRIES + 3:
            raise OperationalError

    monkeypatch.setattr(background, "_wait_briefly", busy)
    with pytest.raises(CommandError, match=r"The database is busy or does not answer. Nothing is lost"):
        call_command("rotate_master_key")
    assert "Wrapped 1 data keys" in rotated(capsys)


def test_new_key_that_is_put_back_is_rotated_back(owner, master_keys, capsys):
    secret = store_secret(owner)
    master_keys(NEW_FIRST)
    rotated(capsys)
    master_keys(OLD_FIRST)
    assert "Nothing needs the master key new." in rotated(capsys)
    master_keys(OLD_ENTRY)
    assert stored_values(secret)[Environment.STAGING][1] == VALUE
