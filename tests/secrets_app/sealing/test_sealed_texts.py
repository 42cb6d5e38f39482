"""Texts that are no values of secrets: sealed for their place, and again with a new data key."""

from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from config.copying import restored
from secrets_app.models import OrganizationKey, SealedText
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring, repair, sealed_texts
from tests.factories import OrganizationFactory, SealedTextFactory

pytestmark = pytest.mark.django_db
TEXT = "whsec_c2VjcmV0LW9mLTI0LWJ5dGVzLS0tLS0="


def opened(row):
    return sealed_texts.open_text(SealedText.objects.select_related("data_key").get(pk=row.pk)).expose()


def test_text_opens_in_its_place_and_nowhere_else():
    organization, other = OrganizationFactory.create_batch(2)
    row = sealed_texts.seal_text(organization, "signing secret", uuid4(), Plaintext(TEXT))
    assert opened(row) == TEXT
    assert TEXT.encode() not in bytes(row.sealed)
    twin = SealedTextFactory(organization=organization, text=TEXT)
    for moved in (
        {"purpose": "address"}, {"owner_id": uuid4()}, {"organization": other}, {"sealed": twin.sealed},
        {"data_key": SealedTextFactory(organization=other).data_key},
    ):  # fmt: skip
        before = SealedText.objects.filter(pk=row.pk).values(*moved).get()
        SealedText.objects.filter(pk=row.pk).update(**moved)
        with pytest.raises(keyring.CannotOpen):
            opened(row)
        assert restored.problems()
        SealedText.objects.filter(pk=row.pk).update(**before)
    assert (opened(row), restored.problems()) == (TEXT, [])


def test_new_data_key_seals_it_again_and_the_old_one_is_destroyed(capsys):
    row, bad = SealedTextFactory(text=TEXT), SealedTextFactory()
    SealedText.objects.filter(pk=bad.pk).update(purpose="changed")
    with pytest.raises(CommandError, match="does not open: replace it"):
        call_command("rotate_data_keys", older_than=0)
    assert "destroyed 1 data keys" in capsys.readouterr().out
    assert opened(row) == TEXT
    assert not OrganizationKey.objects.filter(pk=row.data_key_id, wrapped__isnull=False).exists()
    assert OrganizationKey.objects.get(pk=bad.data_key_id).wrapped is not None  # something is still under it
    assert repair.lost_values(bad.data_key) == [f"changed of {bad.owner_id}"]
