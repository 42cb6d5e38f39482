"""One form of a new API key, sent many times at the same moment, on PostgreSQL: one key, one event."""

from uuid import UUID

import pytest

from accounts.access.api_keys import create_api_key, revoke_api_key
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.errors import Invalid
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Scope

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FORM = UUID("5f3ff9ab-8b4e-4c9e-9d0b-6c6a4a8d7f10")


def test_a_form_sent_eight_times_at_once_makes_one_key(together, owner):
    wanted = {"actor": owner, "name": "k", "scopes": [Scope.RUN], "environments": ALL_ENVIRONMENTS, "form": FORM}
    outcomes = together(*[lambda: create_api_key(**wanted)] * 8)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Invalid"] * 7 + ["NoneType"]
    assert all(outcome is None or isinstance(outcome, Invalid) for outcome in outcomes)
    assert (ApiKey.objects.count(), AuditEvent.objects.filter(event="api_key.created").count()) == (1, 1)


def test_a_key_revoked_eight_times_at_once_is_revoked_once(together, owner):
    key, _ = create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
    outcomes = together(*[lambda: revoke_api_key(actor=owner, key_id=key.id)] * 8)
    assert outcomes == [None] * 8
    assert AuditEvent.objects.filter(event="api_key.revoked").count() == 1
