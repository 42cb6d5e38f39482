"""A rename and a save of one of the integrations at the same moment, on PostgreSQL with real threads."""

from functools import partial

import pytest

from accounts.errors import EditConflict, Invalid
from integrations.editing import integrations
from integrations.models import Integration, SecretReference
from secrets_app.editing import secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.models import Secret
from tests.support.audit import chain_holds
from tests.support.races import assert_only, count_dangling_references
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def rename(owner, secret, name):
    return secrets.update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(name=name))


def save(owner, action, **fields):
    return integrations.update_integration(
        actor=owner,
        integration_id=action.id,
        changes=integrations.IntegrationChanges(config=action.config, **fields),
        expected_version=action.version,
    )


def test_stale_save_never_brings_the_old_name_back(owner, together):
    secret, action = store_secret(owner, "key0", environments=[]), make_action(owner, uses="key0")
    refused = 0
    for number in range(1, 51):
        action = Integration.objects.get(pk=action.pk)
        problems = together(
            partial(rename, owner, secret, f"key{number}"),
            partial(save, owner, action, description=f"Round {number}"),
        )
        assert_only(problems[:1])
        assert_only(problems[1:], EditConflict)
        refused += problems[1] is not None
        now = Integration.objects.get(pk=action.pk)
        assert now.config["headers"][0]["value"] == f"Bearer {{secrets.key{number}}}"
        assert (now.description == f"Round {number}") == (problems[1] is None)
        reference = SecretReference.objects.get()
        assert (reference.name, reference.secret_id) == (f"key{number}", secret.id)
    assert count_dangling_references() == 0
    assert chain_holds(owner.organization)


def test_rename_onto_a_name_that_an_integration_begins_to_wait_for(owner, together):
    for number in range(20):
        secret = store_secret(owner, f"old{number}", environments=[])
        assert_only(
            together(
                partial(rename, owner, secret, f"key{number}"),
                partial(make_action, owner, f"Action {number}", uses=f"key{number}"),
            )
        )
    assert SecretReference.objects.filter(secret=None).count() == 0
    assert count_dangling_references() == 0


def test_two_renames_onto_one_name(owner, together):
    for number in range(20):
        pair = [store_secret(owner, f"{letter}{number}", environments=[]) for letter in "ab"]
        problems = together(*(partial(rename, owner, secret, f"Key{number}") for secret in pair))
        assert_only(problems, Invalid)
        assert sum(problem is None for problem in problems) == 1
    assert Secret.objects.filter(name__startswith="Key").count() == 20
