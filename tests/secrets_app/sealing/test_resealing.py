"""`manage.py rotate_data_keys`: every value under a new data key, the old one destroyed, edits win."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import OrganizationKey, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation
from secrets_app.sealing import keyring, resealing
from tests.support.audit import chain_holds
from tests.support.databases.old_form import sealed_in_old_form
from tests.support.databases.rows import all_rows
from tests.support.databases.stored_values import stored_values
from tests.support.master_keys import NEW_ENTRY
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db

S = Environment.STAGING
NEW = "a-value-that-somebody-enters-meanwhile"


def rotated(capsys, **options):
    call_command("rotate_data_keys", **{"older_than": 0, **options})
    return capsys.readouterr().out


def states(organization):
    keys = OrganizationKey.objects.filter(organization=organization).order_by("created_at")
    return [key.state for key in keys]


def kept(secret):
    """The opened values of Staging, by their state."""
    rows = SecretValue.objects.filter(secret=secret, environment="staging", sealed__isnull=False)
    return {row.state: keyring.unseal(row).expose() for row in rows.select_related("secret", "data_key")}


def replace(owner, secret):
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext(NEW)}))


def test_values_of_every_state_open_under_the_new_key_and_the_old_one_is_destroyed(owner, outsider, capsys):
    secret, others = store_secret(owner, allowed_domains=["api.example.com"]), store_secret(outsider)
    place = {"actor": owner, "secret_id": secret.id, "environment": S}
    rotation.stage(**place, value=Plaintext("second-value-0815"))
    rotation.promote(**place, approve=lambda staged: [])
    rotation.stage(**place, value=Plaintext("third-value-0815"))
    before, sealed = kept(secret), set(SecretValue.objects.values_list("sealed", flat=True))
    assert before == {"previous": VALUE, "current": "second-value-0815", "staged": "third-value-0815"}
    old = set(OrganizationKey.objects.exclude(organization=None).values_list("pk", flat=True))
    said = rotated(capsys)
    assert "harbor-clinics: sealed 5 values, destroyed 1 data keys.\n" in said
    assert kept(secret) == before
    assert stored_values(others)[S][1] == VALUE
    assert {bytes(row) for row in sealed} & {bytes(row.sealed) for row in SecretValue.objects.all()} == set()
    assert not SecretValue.objects.filter(data_key__in=old).exists()
    assert states(owner.organization) == ["destroyed", "active"]
    assert not OrganizationKey.objects.filter(pk__in=old, wrapped__isnull=False).exists()
    events = AuditEvent.objects.filter(organization_id=owner.organization.pk).order_by("-sequence")[:2]
    assert [event.event for event in events] == ["organization.data_key_destroyed", "organization.data_key_replaced"]
    assert chain_holds(owner.organization)


def test_key_of_the_last_day_stays(owner, capsys):
    store_secret(owner)
    before = all_rows()
    assert rotated(capsys, older_than=24) == "No data key is older than 24 hours.\n"
    assert all_rows() == before
    OrganizationKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "sealed 3 values, destroyed 1 data keys" in rotated(capsys, older_than=24)
    assert rotated(capsys, older_than=24) == "No data key is older than 24 hours.\n"


def test_one_organization_alone(owner, outsider, capsys):
    store_secret(owner)
    store_secret(outsider)
    said = "3 of 3 values.\nharbor-clinics: sealed 3 values, destroyed 1 data keys.\n"
    assert rotated(capsys, organization="harbor-clinics") == said
    assert states(outsider.organization) == ["active"]
    with pytest.raises(CommandError, match="There is no organization elsewhere"):
        call_command("rotate_data_keys", organization="elsewhere")


def test_interrupted_rotation_goes_on_where_it_stopped(owner, capsys, monkeypatch):
    secret = store_secret(owner)
    OrganizationKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    monkeypatch.setattr(resealing, "BATCH", 2)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resealing.rotate(owner.organization, made_before=timezone.now(), progress=stop)
    assert states(owner.organization) == ["retiring", "active"]
    assert {text for _, text in stored_values(secret).values()} == {VALUE}
    replace(owner, secret)
    call_command("keys")
    assert "opens only, under the master key test; values: " in capsys.readouterr().out
    assert ", destroyed 1 data keys" in rotated(capsys, older_than=24)
    assert states(owner.organization) == ["destroyed", "active"]
    assert kept(secret) == {"current": NEW}


@pytest.mark.parametrize("moment", ["unseal", "destroy"])
def test_value_that_somebody_enters_meanwhile_wins(owner, capsys, monkeypatch, moment):
    secret, entered = store_secret(owner), []
    unseal, destroy = keyring.unseal, resealing._destroy_if_unused

    def first(job, argument):
        if not entered:
            entered.append(1)
            replace(owner, secret)
        return job(argument)

    if moment == "unseal":
        monkeypatch.setattr(keyring, "unseal", lambda value: first(unseal, value))
    else:
        monkeypatch.setattr(resealing, "_destroy_if_unused", lambda key: first(destroy, key))
    rotated(capsys)
    monkeypatch.undo()
    assert kept(secret) == {"current": NEW}
    assert states(owner.organization) == ["destroyed", "active"]


def test_value_stored_late_under_the_old_key_is_sealed_in_another_pass(owner, capsys, monkeypatch):
    """An edit that read the old data key stores its value just before the key would be destroyed."""
    secret, late, destroy = store_secret(owner, environments=[S]), [], resealing._destroy_if_unused

    def store_late(key):
        if not late:
            late.append(key)
            data_key = OrganizationKey.objects.get(pk=key.pk)
            bound = keyring.context(secret, Environment.PRODUCTION, 1, data_key)
            sealed = keyring.crypto.seal_value(keyring.unwrap(data_key), Plaintext("late"), bound)
            SecretValue.objects.create(
                secret=secret, environment="production", version=1, sealed=sealed, data_key=data_key, created_by="late"
            )
        return destroy(key)

    monkeypatch.setattr(resealing, "_destroy_if_unused", store_late)
    assert "sealed 2 values, destroyed 1 data keys" in rotated(capsys)
    assert stored_values(secret)[Environment.PRODUCTION] == (1, "late")


def test_what_does_not_open_stays_under_the_old_key_and_is_named(owner, capsys):
    secret = store_secret(owner)
    values = SecretValue.objects.select_related("secret", "data_key")
    values.filter(environment="staging").update(sealed=b"damaged")
    old_form = values.get(environment="production")
    SecretValue.objects.filter(pk=old_form.pk).update(sealed=sealed_in_old_form(old_form, VALUE))
    for _ in range(2):
        with pytest.raises(CommandError) as problem:
            rotated(capsys, older_than=24 if _ else 0)
        assert sorted(str(problem.value).splitlines()) == [
            "harbor-clinics: crm.apiKey, Production (current) has the form of an earlier version: run "
            "`manage.py upgrade_values`.",
            "harbor-clinics: crm.apiKey, Staging (current) does not open: enter a new value.",
        ]
        assert states(owner.organization) == ["retiring", "active"]
    assert not SecretValue.objects.filter(unreadable=True).exists()
    SecretValue.objects.filter(pk=old_form.pk).update(state="destroyed", sealed=None)
    replace(owner, secret)
    assert "destroyed 1 data keys" in rotated(capsys, older_than=24)


def test_without_the_master_key_nothing_is_changed(owner, master_keys, monkeypatch):
    store_secret(owner)
    before = all_rows()["OrganizationKey"], all_rows()["SecretValue"]
    master_keys(NEW_ENTRY)
    with pytest.raises(CommandError, match="needs the master key test"):
        call_command("rotate_data_keys", older_than=0)
    master_keys(NEW_ENTRY.replace("new:", "test:"))
    with pytest.raises(CommandError, match="this process's key test is not the key test"):
        call_command("rotate_data_keys", older_than=0)
    assert (all_rows()["OrganizationKey"], all_rows()["SecretValue"]) == before


def test_busy_database_is_said(owner, monkeypatch):
    def busy(*args, **kwargs):
        raise OperationalError

    store_secret(owner)
    monkeypatch.setattr(resealing, "rotate", busy)
    with pytest.raises(CommandError, match=r"The database is busy or does not answer\. Nothing is lost"):
        call_command("rotate_data_keys", older_than=0)


def test_data_key_of_the_installation_stays(owner, capsys):
    store_secret(owner)
    before = list(OrganizationKey.objects.filter(organization=None).values())
    rotated(capsys)
    assert list(OrganizationKey.objects.filter(organization=None).values()) == before
