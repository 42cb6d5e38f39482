"""What staff do in the Django admin: look at nearly everything, change little, and leave a trace (DESIGN section 8)."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.environments import Environment
from accounts.models import ApiKey, AuditEvent, Membership, User
from accounts.policy import Role
from integrations.models import Integration, SecretReference
from secrets_app.models import OrganizationKey, Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.services import rotation
from tests import factories
from tests.signing_in import sign_in
from tests.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db) -> User:
    return User.objects.create_superuser("root@example.com", name="Rosa")


@pytest.fixture
def staff(root) -> Client:
    client = Client()
    sign_in(client, root)
    return client


def events(organization):
    rows = AuditEvent.objects.filter(organization_id=organization.id, actor_kind="staff")
    return list(rows.order_by("sequence").values_list("event", "actor_label"))


def act(client, model, action, rows):
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return client.post(path, {"action": action, "_selected_action": [str(row.pk) for row in rows]}, follow=True)


# What works


def test_staff_disable_a_secret_and_the_organization_sees_who(staff, owner):
    secret = store_secret(owner)
    act(staff, Secret, "disable", [secret])
    secret.refresh_from_db()
    assert not secret.enabled
    assert events(owner.organization) == [("secret.disabled", "Rosa (staff)")]


def test_staff_see_where_a_rotation_stands(staff, owner):
    secret = store_secret(owner)
    for environment in (Environment.STAGING, Environment.PRODUCTION):
        place = {"actor": owner, "secret_id": secret.id, "environment": environment}
        rotation.stage(**place, value=Plaintext("another-value"))
    rotation.promote(**place, judge=lambda staged: [])
    page = staff.get(reverse("admin:secrets_app_secret_change", args=[secret.id])).content.decode()
    assert "Staging: staged" in page
    assert "Production: previous value until" in page
    assert "another-value" not in page


def test_staff_revoke_an_api_key(staff, owner, client):
    text = key_for(owner)
    act(staff, ApiKey, "revoke", ApiKey.objects.all())
    assert client.get("/api/v1/secrets", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 401
    assert events(owner.organization) == [("api_key.revoked", "Rosa (staff)")]


def test_staff_add_change_and_remove_a_member(staff, owner):
    user = factories.UserFactory()
    form = {"organization": owner.organization.pk, "user": user.pk, "role": "member"}
    staff.post(reverse("admin:accounts_membership_add"), form)
    membership = Membership.objects.get(user=user)
    staff.post(reverse("admin:accounts_membership_change", args=[membership.pk]), {"role": "admin"})
    membership.refresh_from_db()
    assert membership.role == Role.ADMIN
    staff.post(reverse("admin:accounts_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert not Membership.objects.filter(user=user).exists()
    assert [event for event, _ in events(owner.organization)] == [
        "member.added",
        "member.role_changed",
        "member.removed",
    ]


# Who may not


def test_the_admin_is_for_staff(owner):
    client = Client()
    sign_in(client, owner)
    assert client.get("/admin/").status_code in {302, 403}


@pytest.mark.parametrize("change", [{"role": "owner"}, {"role": "admin"}])
def test_owners_are_the_owners_business(staff, owner, change):
    membership = Membership.objects.get(user=owner.id)
    path = reverse("admin:accounts_membership_change", args=[membership.pk])
    response = staff.post(path, change, follow=True)
    membership.refresh_from_db()
    assert membership.role == Role.OWNER
    assert events(owner.organization) == []
    assert "was changed successfully" not in response.content.decode() or change == {"role": "owner"}


def test_nothing_else_can_be_added_changed_or_deleted():
    allowed = {("membership", verb) for verb in ("add", "change", "delete")}
    request = type("Request", (), {"user": User(is_staff=True, is_active=True, is_superuser=True)})()
    found = {
        (model._meta.model_name, verb)
        for model, page in admin.site._registry.items()
        for verb in ("add", "change", "delete")
        if getattr(page, f"has_{verb}_permission")(request)
    }
    assert found == allowed


def test_what_is_sealed_is_not_there_at_all():
    assert not {SecretValue, OrganizationKey, SecretReference} & set(admin.site._registry)


def test_no_page_shows_sealed_bytes_or_digests(staff, owner):
    store_secret(owner)
    make_action(owner)
    key_for(owner)
    sealed = {bytes(value.sealed).hex() for value in SecretValue.objects.all()}
    digests = {bytes(key.digest).hex() for key in ApiKey.objects.all()}
    for model in (Secret, ApiKey, Integration, AuditEvent):
        row = model.objects.first()
        page = staff.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert not any(text in page.content.decode() for text in sealed | digests)


def test_fields_of_every_page_are_named_one_by_one():
    assert [model for model, page in admin.site._registry.items() if not page.fields] == []
