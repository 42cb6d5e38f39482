"""Several secrets are enabled or disabled together: all or none, each told in the audit trail."""

from uuid import uuid4

import pytest

from accounts.errors import NotFound, PermissionDenied
from accounts.models import AuditEvent
from secrets_app.editing import secrets
from secrets_app.editing.secrets import set_all_enabled, set_enabled
from secrets_app.models import Secret
from tests.things import store_secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(owner):
    return [store_secret(owner, name) for name in ("b", "a", "c")]


def enabled():
    return {secret.name: secret.enabled for secret in Secret.objects.all()}


def test_all_are_switched_and_told_by_name(owner, three):
    switched = set_all_enabled(actor=owner, secret_ids=[secret.id for secret in three[:2]], enabled=False)
    assert [secret.name for secret in switched] == ["a", "b"]
    assert enabled() == {"a": False, "b": False, "c": True}
    events = AuditEvent.objects.filter(event="secret.disabled").order_by("sequence")
    assert [event.target_label for event in events] == ["a", "b"]


def test_one_that_is_so_already_is_left_alone(owner, three):
    set_enabled(actor=owner, secret_id=three[0].id, enabled=False)
    before = Secret.objects.get(pk=three[0].id).version
    switched = set_all_enabled(actor=owner, secret_ids=[secret.id for secret in three], enabled=False)
    assert [secret.name for secret in switched] == ["a", "c"]
    assert Secret.objects.get(pk=three[0].id).version == before
    assert AuditEvent.objects.filter(event="secret.disabled").count() == 3


def test_same_secret_twice_counts_once(owner, three):
    assert len(set_all_enabled(actor=owner, secret_ids=[three[0].id] * 2, enabled=False)) == 1


@pytest.mark.parametrize("stranger", ["gone", "theirs"])
def test_none_is_switched_where_one_is_not_ours(owner, outsider, three, stranger):
    other = uuid4() if stranger == "gone" else store_secret(outsider, "theirs").id
    with pytest.raises(NotFound):
        set_all_enabled(actor=owner, secret_ids=[three[0].id, other], enabled=False)
    assert all(enabled().values())
    assert not AuditEvent.objects.filter(event="secret.disabled").exists()


def test_failure_in_the_middle_changes_nothing(owner, three, monkeypatch):
    told = []

    def record_once(actor, secret):
        told.append(secret)
        if len(told) > 1:
            raise RuntimeError("broken in the middle")

    monkeypatch.setattr(secrets, "_record_switch", record_once)
    with pytest.raises(RuntimeError):
        set_all_enabled(actor=owner, secret_ids=[secret.id for secret in three], enabled=False)
    assert all(enabled().values())


@pytest.mark.parametrize("wanted", [True, False])
def test_members_may_not(member, three, wanted):
    with pytest.raises(PermissionDenied):
        set_all_enabled(actor=member, secret_ids=[secret.id for secret in three], enabled=wanted)
    assert all(enabled().values())
