"""A suspended API key on its page: shown, and lifted with one click by those who may create keys."""

import pytest
from django.utils import timezone

from accounts.models import ApiKey, AuditEvent
from tests.support.web.api_key_forms import LIST, make, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def suspended(owner):
    key = make(owner)
    ApiKey.objects.filter(pk=key.pk).update(suspended_at=timezone.now(), secrets_in_arguments=3)
    return key


def test_a_suspension_is_shown_and_lifted(as_owner, suspended):
    page = page_of(as_owner, LIST)
    assert "Suspended" in page
    assert "Lift suspension" in page
    assert as_owner.post(f"{LIST}{suspended.id}/lift/").status_code == 303
    key = ApiKey.objects.get()
    assert (key.suspended_at, key.secrets_in_arguments) == (None, 0)
    assert "Lift suspension" not in page_of(as_owner, LIST)
    assert AuditEvent.objects.filter(event="api_key.suspension_lifted", target_id=key.id).count() == 1


def test_who_may_not_lift_it(as_member, as_outsider, suspended):
    assert as_member.post(f"{LIST}{suspended.id}/lift/").status_code == 403
    assert as_outsider.post(f"{LIST}{suspended.id}/lift/").status_code == 404
    assert ApiKey.objects.get().suspended_at is not None
