"""`manage.py upgrade_values`: every value once, after an interruption too, and never as a way around the domains."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.common.environments import Environment
from accounts.models import AuditEvent, Organization
from accounts.people.organization_deletion import delete_organization
from secrets_app.models import OrganizationKey, Secret, SecretValue
from secrets_app.sealing import crypto, keyring, resolver, upgrade
from tests.support.audit import audit_unlocked, chain_holds
from tests.support.databases.old_form import chain_without_keys, put_into_old_form, sealed_in_old_form
from tests.support.databases.stored_values import stored_values
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

OLD = "a-value-of-an-earlier-version"


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    """Where the command remembers that it was run."""
    settings.VAR = tmp_path
    return tmp_path


@pytest.fixture
def secret(owner):
    """A secret of an earlier version, with a value in each environment."""
    found = store_secret(owner, allowed_domains=["api.example.com"])
    put_into_old_form(owner.organization, OLD)
    return found


def upgraded(capsys, **options):
    call_command("upgrade_values", **options)
    return capsys.readouterr().out


def forms():
    return {bytes(row.sealed)[:3] for row in SecretValue.objects.exclude(sealed=None)}


def test_values_open_as_before_and_the_log_says_so(secret, owner, capsys):
    assert upgraded(capsys) == "harbor-clinics: sealed 3 values again.\n"
    assert {text for _, text in stored_values(secret).values()} == {OLD}
    assert forms() == {b"CF2"}
    event = AuditEvent.objects.order_by("-sequence").first()
    assert (event.event, event.data) == ("organization.upgraded", {"values_sealed": 3, "values_left": 0})
    assert chain_holds(owner.organization)


def test_nothing_happens_a_second_time(secret, capsys):
    upgraded(capsys)
    before = list(SecretValue.objects.order_by("pk").values("sealed"))
    assert upgraded(capsys) == ""
    assert list(SecretValue.objects.order_by("pk").values("sealed")) == before


def test_a_fresh_organization_never_waits(owner, outsider):
    store_secret(owner)
    assert owner.organization not in upgrade.waiting()


def test_run_after_an_interruption_finishes(secret, owner, capsys, monkeypatch):
    monkeypatch.setattr(upgrade, "BATCH", 2)

    def stop(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade.upgrade(owner.organization, progress=stop)
    assert forms() == {b"CF1", b"CF2"}
    assert upgraded(capsys) == "harbor-clinics: sealed 1 values again.\n"
    assert {text for _, text in stored_values(secret).values()} == {OLD}


def test_a_value_that_somebody_enters_meanwhile_wins(secret, monkeypatch, capsys):
    seal = crypto.seal_value

    def while_others_write(*args):
        SecretValue.objects.update(sealed=b"CF2 of somebody else")
        return seal(*args)

    monkeypatch.setattr(crypto, "seal_value", while_others_write)
    assert upgraded(capsys) == "harbor-clinics: sealed 0 values again.\n"
    assert {bytes(row.sealed) for row in SecretValue.objects.all()} == {b"CF2 of somebody else"}


def test_old_value_does_not_open_at_run_time_and_is_not_marked(secret, owner):
    for value in SecretValue.objects.select_related("secret", "data_key"):
        with pytest.raises(keyring.KeyLost):
            keyring.unseal(value)
    found = resolver.find(owner.organization, [secret.name], Environment.STAGING)
    with pytest.raises(resolver.Unreadable):
        resolver.open_values(found, actor=owner)
    assert not SecretValue.objects.filter(unreadable=True).exists()


def plant(secret, **changes):
    """What somebody does who writes the database: an old row comes back, for other domains."""
    for value in SecretValue.objects.filter(secret=secret).select_related("secret", "data_key"):
        SecretValue.objects.filter(pk=value.pk).update(sealed=sealed_in_old_form(value, OLD))
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=["evil.example.net"])


def test_old_row_put_back_later_is_not_sealed_again(secret, capsys):
    upgraded(capsys)
    plant(secret)
    call_command("upgrade_values")
    told = capsys.readouterr()
    assert (told.out, "3 values have the form of earlier versions" in told.err) == ("", True)
    assert "crm.apiKey" in told.err
    assert upgraded(capsys, again=True) == ""
    assert forms() == {b"CF1"}


def test_log_that_was_written_anew_without_keys_is_no_way_around_either(secret, owner, capsys):
    """Everything that the database knows of the upgrade is gone; the file on the server is not."""
    upgraded(capsys)
    plant(secret)
    with audit_unlocked():
        AuditEvent.objects.all().delete()
    assert upgraded(capsys) == ""
    assert forms() == {b"CF1"}


def test_backup_from_before_is_upgraded_when_the_operator_says_so(secret, owner, capsys):
    upgraded(capsys)
    with audit_unlocked():
        AuditEvent.objects.filter(event="organization.upgraded").delete()
    put_into_old_form(owner.organization, OLD)
    assert upgraded(capsys) == ""
    assert upgraded(capsys, again=True) == "harbor-clinics: sealed 3 values again.\n"


def test_old_row_is_not_sealed_when_the_event_of_the_upgrade_is_gone(secret, capsys):
    upgraded(capsys)
    plant(secret)
    with audit_unlocked(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_auditevent WHERE event = 'organization.upgraded'")
    with pytest.raises(CommandError, match="the audit log is not intact: harbor-clinics"):
        upgraded(capsys, again=True)
    assert forms() == {b"CF1"}


def test_value_whose_domains_are_not_those_of_the_log_is_left(secret, capsys):
    Secret.objects.filter(pk=secret.pk).update(allowed_domains=[])
    said = upgraded(capsys)
    assert said.startswith("harbor-clinics: sealed 0 values again.\n")
    assert said.count("its allowed domains are not those of the audit log. Enter a new value.") == 3
    assert forms() == {b"CF1"}


def test_log_that_was_changed_stops_the_upgrade_until_the_operator_accepts_it(secret, capsys):
    with audit_unlocked():
        AuditEvent.objects.filter(event="secret.created").update(actor_label="somebody else")
    with pytest.raises(CommandError, match="--accept SLUG"):
        upgraded(capsys)
    assert forms() == {b"CF1"}
    assert upgraded(capsys, accept=["harbor-clinics"]) == "harbor-clinics: sealed 3 values again.\n"


def test_value_under_a_lost_key_is_left_and_named(secret, capsys):
    OrganizationKey.objects.exclude(organization=None).update(master_key_id="gone")
    said = upgraded(capsys)
    assert "Left: crm.apiKey, Staging: it does not open. Enter a new value." in said
    assert forms() == {b"CF1"}


def test_log_of_a_deleted_organization_gets_its_keyed_end_too(owner, capsys):
    store_secret(owner)
    delete_organization(actor=owner, typed="Harbor Clinics")
    chain_without_keys(owner.organization)
    assert "sealed 0 values again" in upgraded(capsys)
    call_command("verify_audit")
    assert not Organization.objects.filter(pk=owner.organization.pk).exists()
