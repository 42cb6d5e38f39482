"""Which key opens what: lost and wrong master keys, a changed wrap behind the cache, one data key per organization."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError

from accounts.common.environments import Environment
from secrets_app.errors import KeyUnavailable
from secrets_app.models import OrganizationKey, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import checks, crypto, keyring, seeds
from tests import environment
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db

OTHER = base64.b64encode(bytes(range(100, 132))).decode()


def value_of(secret):
    return SecretValue.objects.select_related("secret", "data_key").get(secret=secret, environment="staging")


def reports():
    return [keyring.why_lost(key) for key in keyring.lost_keys()]


def opened(secret):
    return keyring.unseal(value_of(secret)).expose()


def test_organization_has_one_data_key_and_another_has_its_own(owner, outsider):
    store_secret(owner)
    store_secret(owner, "second")
    store_secret(outsider)
    keys = OrganizationKey.objects.exclude(organization=None)
    assert {key.organization for key in keys} == {owner.organization, outsider.organization}
    assert len(keys) == 2


def test_new_master_key_in_front_still_opens_the_old(owner, outsider, master_keys):
    secret = store_secret(owner)
    master_keys(f"new:env:{OTHER},test:env:{environment.MASTER_KEY}")
    assert opened(secret) == VALUE
    store_secret(outsider)
    assert OrganizationKey.objects.get(organization=outsider.organization).master_key_id == "new"
    assert keyring.lost_keys() == []


def test_lost_master_key_opens_nothing_and_is_reported(owner, master_keys):
    secret = store_secret(owner)
    master_keys(f"new:env:{OTHER}")
    with pytest.raises(keyring.CannotOpen):
        opened(secret)
    assert "needs the master key test" in reports()[0]
    assert {error.id for error in checks.every_data_key_opens()} == {"secrets_app.E001"}


def test_wrong_master_key_of_the_same_id_opens_nothing_and_is_reported(owner, master_keys):
    secret = store_secret(owner)
    master_keys(f"test:env:{OTHER}")
    with pytest.raises(keyring.CannotOpen):
        opened(secret)
    assert "does not open with the master key test" in reports()[0]
    assert {error.id for error in checks.every_data_key_opens()} == {"secrets_app.E001", "secrets_app.E002"}


@pytest.mark.parametrize(
    "text", ["", "nonsense", "a:env:c2hvcnQ=", "a:file:/nowhere", "a:env:", f"a:env:{OTHER},a:env:{OTHER}"]
)
def test_malformed_master_keys_stop_the_start_without_showing_them(master_keys, text):
    with pytest.raises(ImproperlyConfigured, match="COFFER_MASTER_KEYS") as problem:
        master_keys(text)
    assert "c2hvcnQ" not in str(problem.value)
    assert OTHER not in str(problem.value)


def test_cache_never_serves_a_changed_wrap(owner):
    secret = store_secret(owner)
    assert opened(secret) == VALUE
    key = OrganizationKey.objects.get(organization=owner.organization)
    wrapped = bytearray(key.wrapped)
    wrapped[-1] ^= 1
    OrganizationKey.objects.filter(pk=key.pk).update(wrapped=bytes(wrapped))
    with pytest.raises(keyring.CannotOpen):
        opened(secret)


def test_cache_never_serves_the_key_of_another_organization(owner, outsider):
    secret = store_secret(owner)
    assert opened(secret) == VALUE
    OrganizationKey.objects.filter(organization=owner.organization).update(organization=outsider.organization)
    with pytest.raises(keyring.CannotOpen):
        opened(secret)


def test_destroyed_key_opens_nothing_although_it_was_cached(owner):
    secret = store_secret(owner)
    assert opened(secret) == VALUE
    OrganizationKey.objects.update(state="destroyed", wrapped=None)
    with pytest.raises(keyring.CannotOpen):
        opened(secret)


def test_cached_key_is_forgotten_after_five_minutes(owner, monkeypatch):
    secret, unwrapped = store_secret(owner), []
    unwrap = crypto.unwrap_data_key
    monkeypatch.setattr(crypto, "unwrap_data_key", lambda *a, **k: unwrapped.append(1) or unwrap(*a, **k))
    opened(secret)
    now = keyring.time.monotonic()
    monkeypatch.setattr(keyring.time, "monotonic", lambda: now + 301)
    opened(secret)
    assert len(unwrapped) == 1


def test_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(keyring, "CACHE_SIZE", 3)
    cache = keyring.DataKeyCache()
    for number in range(10):
        cache.put((number, None, "", b""), b"key")
    assert len(cache._entries) == 3
    assert cache.get((9, None, "", b"")) == b"key"
    assert cache.get((0, None, "", b"")) is None


def test_second_of_two_first_uses_finds_the_key_of_the_first(owner, monkeypatch):
    made = keyring.new_key(owner.organization)
    held, answers = keyring._held_active, [None, None]
    monkeypatch.setattr(keyring, "_held_active", lambda found: answers.pop() if answers else held(found))
    assert keyring.active_key(owner.organization) == made
    assert OrganizationKey.objects.get(organization=owner.organization) == made


def test_two_active_keys_cannot_be_stored(owner):
    keyring.new_key(owner.organization)
    with pytest.raises(IntegrityError):
        keyring.new_key(owner.organization)


def of_installation():
    return OrganizationKey.objects.filter(organization=None)


def migrate():
    call_command("migrate", verbosity=0)


def test_installation_has_one_key_too(db):
    assert of_installation().count() == 1
    with pytest.raises(IntegrityError):
        keyring.new_key(None)


def test_migrating_again_changes_no_key():
    before = list(of_installation().values())
    migrate()
    assert list(of_installation().values()) == before


def test_lost_key_of_the_installation_is_never_replaced_by_migrating(master_keys):
    before = list(of_installation().values())
    master_keys(f"new:env:{OTHER}")
    migrate()
    assert list(of_installation().values()) == before
    assert "needs the master key test" in reports()[0]


def test_nothing_is_sealed_while_the_data_key_does_not_open(owner, master_keys):
    secret, before = store_secret(owner), list(OrganizationKey.objects.order_by("pk").values())
    master_keys(f"new:env:{OTHER}")
    with pytest.raises(KeyUnavailable, match="needs the master key test"):
        keyring.seal(secret, Environment.STAGING, 2, Plaintext(VALUE))
    assert list(OrganizationKey.objects.order_by("pk").values()) == before


def test_database_that_is_not_migrated_to_the_end_gets_no_key(monkeypatch):
    def no_column(_):
        raise DatabaseError

    of_installation().delete()
    monkeypatch.setattr(seeds, "active_key", no_column)
    migrate()
    assert not of_installation().exists()


def test_sealing_twice_gives_different_bytes(owner):
    secret = store_secret(owner, environments=[])
    value = Plaintext(VALUE)
    assert (
        keyring.seal(secret, Environment.STAGING, 1, value)[0] != keyring.seal(secret, Environment.STAGING, 1, value)[0]
    )


def test_database_without_tables_is_no_problem_for_the_check(monkeypatch):
    def no_table():
        raise DatabaseError

    monkeypatch.setattr(keyring, "lost_keys", no_table)
    assert checks.every_data_key_opens() == []
