"""Every act of every service stands or falls with its audit event: when that cannot be written, nothing happened."""

from dataclasses import replace

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.core import mail
from django.db import transaction

from accounts.actors import actor_for_command, actor_for_member
from accounts.audit import Event
from accounts.environments import ALL_ENVIRONMENTS, Environment
from accounts.models import AuditEvent, Invitation, Membership, User
from accounts.policy import Role, Scope
from accounts.services import invitations
from accounts.services.api_keys import create_api_key, revoke_api_key
from accounts.services.deleting import delete_organization
from accounts.services.organization_settings import change_settings, settings_of
from accounts.services.organizations import add_member, change_role, create_organization, leave, remove_member
from accounts.services.own_account import record_in_organizations
from accounts.services.people import set_active
from integrations.services import approvals, integrations
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from secrets_app.services import rotation, secrets
from secrets_app.services.comparing import compare_values
from tests import factories
from tests.invited import invited, token_in
from tests.things import make_action, make_connector, make_mcp_server, store_secret

pytestmark = pytest.mark.django_db


class Broken(Exception):
    """The audit insert fails."""


def stage_value(owner, secret):
    rotation.stage(actor=owner, secret_id=secret.id, environment=STAGING, value=Plaintext("another-value"))
    return secret


def promoted(owner, secret):
    stage_value(owner, secret)
    return rotation.promote(actor=owner, secret_id=secret.id, environment=STAGING, judge=lambda staged: [])


def make_server(owner):
    """An MCP server of which one tool is approved."""
    server = make_mcp_server(owner)
    approvals.approve_tool(actor=owner, integration_id=server.id, name="search", fingerprint="a" * 64)
    return server


def add_factor(owner, kind):
    with transaction.atomic():
        Authenticator.objects.create(user_id=owner.id, type=kind, data={})


def remove_factor(owner):
    with transaction.atomic():
        Authenticator.objects.get(user_id=owner.id, type="webauthn").delete()


def invite_without_mail(owner):
    """An invitation whose mail the mail server did not take."""
    invitation, _ = invited(owner)
    Invitation.objects.filter(pk=invitation.pk).update(sent_at=None)
    return invitation


def tell(owner, event, **data):
    record_in_organizations(event, user=User.objects.get(pk=owner.id), **data)


def connect(owner):
    with transaction.atomic():
        SocialAccount.objects.create(user_id=owner.id, provider="sso", uid="new")


def disconnect(owner):
    with transaction.atomic():
        SocialAccount.objects.get(user_id=owner.id).delete()


def switch(person, *, active):
    user = User.objects.get(pk=person.id)
    set_active(email=user.email, active=active, actor_in=lambda found: actor_for_command(found, "test"))


@pytest.fixture
def stage(owner, organization):
    """Something to act on, for each act."""
    used = store_secret(owner, "used.key")
    Authenticator.objects.create(user_id=owner.id, type="webauthn", data={"name": "key"})
    SocialAccount.objects.create(user_id=owner.id, provider="sso", uid="42")
    return {
        "unused": store_secret(owner),
        "staged": stage_value(owner, store_secret(owner, "staged.key")),
        "promoted": promoted(owner, store_secret(owner, "promoted.key")),
        "used": used,
        "disabled": secrets.set_enabled(actor=owner, secret_id=store_secret(owner, "off.key").id, enabled=False),
        "action": make_action(owner, uses="used.key"),
        "waiting": make_action(owner, "Waits", uses="not.yet"),
        "connector": make_connector(owner, uses="used.key"),
        "server": make_server(owner),
        "membership": factories.MembershipFactory(organization=organization, role=Role.MEMBER),
        "user": factories.UserFactory(),
        "invitation": invite_without_mail(owner),
        "inactive": factories.MembershipFactory(organization=organization, user__is_active=False).user,
        "key": create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)[0],
    }


STAGING = Environment.STAGING
ACTS = {
    "organization.created": lambda owner, stage: create_organization(user=stage["user"], name="New"),
    "member.added": lambda owner, stage: add_member(actor=owner, user=stage["user"], role=Role.ADMIN),
    "organization.changed": lambda owner, stage: change_settings(
        actor=owner, wanted=replace(settings_of(owner.organization), name="Renamed", run_days=90)
    ),
    "organization.deleted": lambda owner, stage: delete_organization(actor=owner, typed="Harbor Clinics"),
    "invitation.created": lambda owner, stage: invited(owner, "new@x.example"),
    "invitation.renewed": lambda owner, stage: invitations.renew(actor=owner, invitation_id=stage["invitation"].id),
    "invitation.withdrawn": lambda owner, stage: invitations.withdraw(
        actor=owner, invitation_id=stage["invitation"].id
    ),
    "member.joined": lambda owner, stage: invitations.accept_with_new_account(
        token=token_in(mail.outbox[0].body), name="Noor", password="correct horse battery"
    ),
    "member.left": lambda owner, stage: leave(
        actor=actor_for_member(Membership.objects.select_related("user", "organization").get(pk=stage["membership"].pk))
    ),
    "member.role_changed": lambda owner, stage: change_role(
        actor=owner, membership_id=stage["membership"].id, role=Role.ADMIN
    ),
    "member.second_factor_added": lambda owner, stage: add_factor(owner, "totp"),
    "member.second_factor_removed": lambda owner, stage: remove_factor(owner),
    "member.recovery_codes_made": lambda owner, stage: add_factor(owner, "recovery_codes"),
    "member.email_changed": lambda owner, stage: tell(owner, Event.MEMBER_EMAIL_CHANGED, email="new@example.com"),
    "member.single_sign_on_connected": lambda owner, stage: connect(owner),
    "member.single_sign_on_disconnected": lambda owner, stage: disconnect(owner),
    "member.deactivated": lambda owner, stage: switch(owner, active=False),
    "member.activated": lambda owner, stage: switch(stage["inactive"], active=True),
    "member.password_changed": lambda owner, stage: tell(owner, Event.MEMBER_PASSWORD_CHANGED),
    "member.removed": lambda owner, stage: remove_member(actor=owner, membership_id=stage["membership"].id),
    "api_key.created": lambda owner, stage: create_api_key(
        actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS
    ),
    "api_key.revoked": lambda owner, stage: revoke_api_key(actor=owner, key_id=stage["key"].id),
    "organization.values_compared": lambda owner, stage: compare_values(actor=owner),
    "secret.created": lambda owner, stage: store_secret(owner, "not.yet"),
    "secret.changed": lambda owner, stage: secrets.update_secret(
        actor=owner,
        secret_id=stage["used"].id,
        changes=secrets.Changes(description="new", values={STAGING: Plaintext("another-value")}),
    ),
    "secret.disabled": lambda owner, stage: secrets.set_enabled(actor=owner, secret_id=stage["used"].id, enabled=False),
    "secret.enabled": lambda owner, stage: secrets.set_enabled(
        actor=owner, secret_id=stage["disabled"].id, enabled=True
    ),
    "secret.deleted": lambda owner, stage: secrets.delete_secret(actor=owner, secret_id=stage["unused"].id),
    "secret.staged": lambda owner, stage: stage_value(owner, stage["used"]),
    "secret.staged_discarded": lambda owner, stage: rotation.discard(
        actor=owner, secret_id=stage["staged"].id, environment=STAGING
    ),
    "secret.promoted": lambda owner, stage: rotation.promote(
        actor=owner, secret_id=stage["staged"].id, environment=STAGING, judge=lambda staged: []
    ),
    "secret.rolled_back": lambda owner, stage: rotation.roll_back(
        actor=owner, secret_id=stage["promoted"].id, environment=STAGING
    ),
    "secret.previous_destroyed": lambda owner, stage: rotation.destroy_previous(
        actor=owner, secret_id=stage["promoted"].id, environment=STAGING
    ),
    "integration.created": lambda owner, stage: make_action(owner, "Another", uses="used.key"),
    "integration.changed": lambda owner, stage: integrations.update_integration(
        actor=owner,
        integration_id=stage["action"].id,
        changes=integrations.Changes(name="Renamed", environments=ALL_ENVIRONMENTS),
    ),
    "integration.duplicated": lambda owner, stage: integrations.duplicate_integration(
        actor=owner, integration_id=stage["action"].id
    ),
    "integration.tool_approved": lambda owner, stage: approvals.approve_tool(
        actor=owner, integration_id=stage["server"].id, name="search", fingerprint="b" * 64
    ),
    "integration.tool_withdrawn": lambda owner, stage: approvals.withdraw_tool(
        actor=owner, integration_id=stage["server"].id, name="search"
    ),
    "integration.deleted": lambda owner, stage: integrations.delete_integration(
        actor=owner, integration_id=stage["action"].id
    ),
}


def everything():
    """Every row of our tables, as tuples."""
    models = [
        model
        for label in ("accounts", "secrets_app", "integrations")
        for model in apps.get_app_config(label).get_models()
    ]
    return {
        model.__name__: sorted(
            repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
            for row in model._default_manager.values_list(*[field.attname for field in model._meta.concrete_fields])
        )
        for model in models
    }


@pytest.mark.parametrize("event", ACTS)
def test_act_is_recorded_once(owner, stage, event):
    before = set(AuditEvent.objects.values_list("pk", flat=True))
    ACTS[event](owner, stage)
    written = [row for row in AuditEvent.objects.all() if row.pk not in before]
    assert [row.event for row in written] == [event]
    assert written[0].target_id is not None


@pytest.mark.parametrize("event", ACTS)
def test_act_without_its_event_did_not_happen(owner, stage, event, monkeypatch):
    def fail(self, *args, **kwargs):
        raise Broken

    before = everything()
    monkeypatch.setattr(AuditEvent, "save", fail)
    with pytest.raises(Broken):
        ACTS[event](owner, stage)
    assert everything() == before


def test_every_event_that_a_service_writes_is_tried():
    assert set(ACTS) == {event.value for event in Event} - {"secret.unreadable"}


def test_comparison_sees_a_change(owner, stage):
    before = everything()
    Secret.objects.filter(pk=stage["used"].pk).update(description="changed")
    assert everything() != before
    assert Membership.objects.exists() and User.objects.exists()
