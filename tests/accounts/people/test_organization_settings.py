"""What owners set for their organization: who may, what is taken, and what it changes."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from accounts.errors import EditConflict, Invalid, PermissionDenied
from accounts.models import AuditEvent, Organization, User
from accounts.people.organization_rules import approval_days, rollback_hours, run_days
from accounts.people.organization_settings import change_settings, settings_of
from accounts.policy import Role
from tests import factories

pytestmark = pytest.mark.django_db


def change(actor, **wanted):
    expected = wanted.pop("expected_version", None)
    return change_settings(
        actor=actor, wanted=replace(settings_of(actor.organization), **wanted), expected_version=expected
    )


def with_app(user_id):
    factories.AuthenticatorFactory(user=User.objects.get(pk=user_id))


def test_settings_are_saved_and_on_record_with_before_and_after(owner, organization):
    change(owner, name="Harbor  Health", rollback_hours=2, run_days=90, production_needs_domains=True)
    organization.refresh_from_db()
    assert (organization.name, organization.slug) == ("Harbor Health", "harbor-clinics")
    assert (rollback_hours(organization), run_days(organization)) == (2, 90)
    event = AuditEvent.objects.get()
    assert (event.event, event.target_label, event.data) == (
        "organization.changed",
        "Harbor Health",
        {
            "fields": ["name", "production_needs_domains", "rollback_hours", "run_days"],
            "before": {
                "name": "Harbor Clinics",
                "production_needs_domains": False,
                "rollback_hours": None,
                "run_days": None,
            },
            "after": {"name": "Harbor Health", "production_needs_domains": True, "rollback_hours": 2, "run_days": 90},
        },
    )


def test_what_is_left_to_the_installation_follows_it(owner, organization, settings):
    settings.ROLLBACK_HOURS, settings.RUN_DAYS = 7, 123
    assert (rollback_hours(organization), run_days(organization)) == (7, 123)
    assert approval_days(organization) == 7
    change(owner, rollback_hours=1, run_days=3650, approval_days=30)
    organization.refresh_from_db()
    assert (rollback_hours(organization), run_days(organization)) == (1, 3650)
    assert approval_days(organization) == 30


def test_every_value_includes_production(owner, organization):
    change(owner, every_value_needs_domains=True)
    organization.refresh_from_db()
    assert (organization.production_needs_domains, organization.every_value_needs_domains) == (True, True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.update(production_needs_domains=False)


def test_the_same_again_is_no_event(owner):
    change(owner)
    assert not AuditEvent.objects.exists()


def test_mfa_is_required_by_somebody_who_has_it(owner, organization):
    with_app(owner.id)
    change(owner, require_mfa=True)
    organization.refresh_from_db()
    assert organization.require_mfa


@pytest.mark.parametrize("who", [role.value for role in Role if role is not Role.OWNER])
def test_others_set_nothing(request, owner, organization, who):
    with pytest.raises(PermissionDenied):
        change(request.getfixturevalue(who), name="Mine")
    organization.refresh_from_db()
    assert organization.name == "Harbor Clinics"


def test_owner_who_was_demoted_meanwhile_sets_nothing(owner, organization):
    factories.MembershipFactory(organization=organization, role=Role.OWNER)
    organization.memberships.filter(user=owner.id).update(role="admin")
    with pytest.raises(PermissionDenied):
        change(owner, name="Mine")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *[("name", name) for name in ("", "  ", "n" * 81, "a\nb\0", "a\u202eb")],
        *[("rollback_hours", hours) for hours in (0, -1, 721, 10**9)],
        *[("run_days", days) for days in (0, 89, 3651)],
        *[("approval_days", days) for days in (0, 366)],
    ],
)
def test_bad_setting_is_refused_and_nothing_is_saved(owner, organization, field, wrong):
    with pytest.raises(Invalid) as refusal:
        change(owner, **{"production_needs_domains": True, field: wrong})
    assert [error.field for error in refusal.value.errors] == [field]
    organization.refresh_from_db()
    assert settings_of(organization) == settings_of(owner.organization)


def test_everything_that_is_wrong_is_told_at_once(owner):
    with pytest.raises(Invalid) as refusal:
        change(owner, name="", rollback_hours=0, run_days=0, require_mfa=True)
    assert [error.field for error in refusal.value.errors] == ["name", "rollback_hours", "run_days", "require_mfa"]


def test_nobody_locks_themselves_out(owner, organization):
    factories.AuthenticatorFactory(user=User.objects.get(pk=owner.id), recovery_codes=True)
    with pytest.raises(Invalid) as refusal:
        change(owner, require_mfa=True)
    assert "for yourself first" in refusal.value.errors[0].message
    organization.refresh_from_db()
    assert not organization.require_mfa


def test_later_one_of_two_owners_is_told(owner):
    change(owner, name="First", expected_version=1)
    with pytest.raises(EditConflict):
        change(owner, name="Second", expected_version=1)
    assert Organization.objects.get().name == "First"


@pytest.mark.parametrize(
    "wrong",
    [{"rollback_hours": 0}, {"rollback_hours": 721}, {"run_days": 89}, {"run_days": 3651}, {"approval_days": 0}],
)
def test_database_keeps_the_bounds(organization, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.update(**wrong)
