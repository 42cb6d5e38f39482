"""Marking a secret as an identifier makes its value visible in answers, so it needs values that the person knows."""

import pytest

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.errors import ValueRequired
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db


def change(actor, secret, **changes):
    return update_secret(actor=actor, secret_id=secret.id, changes=SecretChanges(**changes))


def test_a_new_secret_may_be_an_identifier(owner):
    assert store_secret(owner, is_identifier=True).is_identifier
    assert AuditEvent.objects.get(event="secret.created").data["is_identifier"] is True


def test_a_stored_secret_becomes_one_together_with_new_values(owner):
    secret = store_secret(owner)
    values = dict.fromkeys(Environment, Plaintext("account-4711"))
    assert change(owner, secret, is_identifier=True, values=values).is_identifier
    assert AuditEvent.objects.get(event="secret.changed").data["is_identifier"] is True
    assert not change(owner, secret, is_identifier=False).is_identifier, "nothing is shown by hiding"


@pytest.mark.parametrize("values", [{}, {Environment.STAGING: Plaintext("account-4711")}])
def test_a_stored_value_that_nobody_enters_anew_stays_hidden(owner, values):
    secret = store_secret(owner)
    with pytest.raises(ValueRequired, match="Marking a secret as an identifier needs a new value"):
        change(owner, secret, is_identifier=True, values=values)
    assert not Secret.objects.get().is_identifier
