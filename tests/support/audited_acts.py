"""Every act of every service that the audit log records, by its event, and something for each of them to act on."""

import contextlib
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts.access.agent_sessions import start_session, stop_session
from accounts.access.api_keys import create_api_key, revoke_api_key
from accounts.access.suspension import count_secret_in_arguments, lift_suspension, stop_agent
from accounts.actors import actor_for_command, actor_for_key, actor_for_member
from accounts.audit.trail import Event
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.models import Invitation, Membership, User
from accounts.people import invitations
from accounts.people.approvals import approve
from accounts.people.organization_deletion import delete_organization
from accounts.people.organization_settings import answer_about_domains, change_settings, settings_of
from accounts.people.organizations import add_member, change_role, create_organization, leave, remove_member
from accounts.people.own_account import record_in_organizations, record_often
from accounts.people.people import set_active
from accounts.people.stopping import start_agents, stop_agents
from accounts.policy import Role, Scope
from integrations.alerts import endpoints
from integrations.alerts.choices import EndpointFields
from integrations.approvals import deciding
from integrations.declared import by_name, configuration
from integrations.declared.by_name import KnownState
from integrations.editing import integrations
from integrations.editing.budgets import BudgetFields, set_budget_of_integration, set_budget_of_key
from integrations.editing.rules import set_rules
from integrations.importing import updating
from integrations.importing.reading import read_draft
from integrations.importing.updating import UpdateOptions
from integrations.models import EndpointKind
from integrations.references import replace as replacing
from integrations.rules.reading import read_rules
from integrations.tools import approvals
from integrations.tools import settings as tool_settings
from secrets_app.editing import deleting, secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.hygiene.comparison import compare_values
from secrets_app.importing import apply
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.requests import answering
from secrets_app.rotation import previous_values, rotation
from secrets_app.sealing import canaries, resealing, resolver, rewrapping
from secrets_app.sealing.repair import repair
from secrets_app.sealing.upgrade import upgrade
from tests import factories
from tests.support.audit import stopped
from tests.support.invited import invited, token_in
from tests.support.master_keys import NEW_FIRST, held
from tests.support.things import (
    endpoint_with_delivery,
    held_call,
    make_action,
    make_changed_server,
    make_connector,
    make_import_of,
    store_secret,
)


def stage_value(owner, secret):
    rotation.stage(actor=owner, secret_id=secret.id, environment=STAGING, value=Plaintext("another-value"))
    return secret


def promoted(owner, secret):
    stage_value(owner, secret)
    return rotation.promote(actor=owner, secret_id=secret.id, environment=STAGING, approve=lambda staged: [])


def add_factor(owner, kind):
    with transaction.atomic():
        factories.AuthenticatorFactory(user=User.objects.get(pk=owner.id), type=kind)


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
        factories.SocialAccountFactory(user=User.objects.get(pk=owner.id), uid="new")


def disconnect(owner):
    with transaction.atomic():
        SocialAccount.objects.get(user_id=owner.id).delete()


def switch(person, *, active):
    user = User.objects.get(pk=person.id)
    set_active(email=user.email, active=active, actor_in=lambda found: actor_for_command(found, "test"))


def rewrap(owner):
    """Wrap the organization's data key with a new master key. The installation's would leave no event."""
    with held(NEW_FIRST), patch.object(rewrapping, "waiting", owner.organization.data_keys.filter(state="active").all):
        rewrapping.rewrap_all(progress=lambda keys: None)


def rotate_data_key(owner):
    """Replace the data key of an organization, and leave the old one."""
    with patch.object(resealing, "_old_keys", lambda organization: []):
        resealing.rotate(owner.organization, made_before=timezone.now(), progress=lambda values: None)


def furnished(owner):
    """Something to act on, for each act."""
    with held(NEW_FIRST):
        canaries.settle()
    organization = owner.organization
    factories.OrganizationKeyFactory(organization=organization, retiring=True)
    used = store_secret(owner, "used.key")
    factories.AuthenticatorFactory(user=User.objects.get(pk=owner.id), passkey=True)
    factories.SocialAccountFactory(user=User.objects.get(pk=owner.id), uid="42")
    return {
        "unused": store_secret(owner),
        "staged": stage_value(owner, store_secret(owner, "staged.key")),
        "promoted": promoted(owner, store_secret(owner, "promoted.key")),
        "used": used,
        "disabled": secrets.set_enabled(actor=owner, secret_id=store_secret(owner, "off.key").id, enabled=False),
        "action": make_action(owner, uses="used.key"),
        "waiting": make_action(owner, "Waits", uses="not.yet"),
        "connector": make_connector(owner, uses="used.key"),
        "server": make_changed_server(owner),
        "held": held_call(owner),
        "imported": make_import_of(owner),
        "endpoint": endpoint_with_delivery(owner)[0],
        "paused": factories.AlertEndpointFactory(organization=organization, paused="person").pk,
        "membership": factories.MembershipFactory(organization=organization, role=Role.MEMBER),
        "user": factories.UserFactory(),
        "member": (member := actor_for_member(factories.MembershipFactory(organization=organization))),
        "request": answering.ask(actor=member, name="asked.key", environments=[STAGING], why="For the calls"),
        "invitation": invite_without_mail(owner),
        "by_staff": factories.InvitationFactory(organization=organization, awaits_owner=True),
        "inactive": factories.MembershipFactory(organization=organization, user__is_active=False).user,
        "key": create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)[0],
        "stopped_key": factories.ApiKeyFactory(organization=organization, stopped=True),
        "suspended": factories.ApiKeyFactory(organization=organization, suspended_at=timezone.now()),
        "session": factories.ApiKeyFactory(organization=organization, session=True),
    }


STAGING = Environment.STAGING
NAMED = integrations.IntegrationChanges(config={"type": "bearer", "token": "{secrets.used.key}"})
CONFIGURED = b"version: 1\nsecrets: {declared.token: {}}"
ACTS = {
    "organization.created": lambda owner, stage: create_organization(user=stage["user"], name="New"),
    "member.added": lambda owner, stage: add_member(actor=owner, user=stage["user"], role=Role.ADMIN),
    "organization.changed": lambda owner, stage: change_settings(
        actor=owner, wanted=replace(settings_of(owner.organization), name="Renamed", run_days=90)
    ),
    "organization.deleted": lambda owner, stage: delete_organization(actor=owner, typed="Harbor Clinics"),
    "invitation.created": lambda owner, stage: invited(owner, "new@x.example"),
    "invitation.renewed": lambda owner, stage: invitations.renew(actor=owner, invitation_id=stage["invitation"].id),
    "invitation.approved": lambda owner, stage: approve(actor=owner, invitation_id=stage["by_staff"].id),
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
    "member.signed_in": lambda owner, stage: record_often(
        Event.MEMBER_SIGNED_IN, user=User.objects.get(pk=owner.id), address=None
    ),
    "member.session_ended": lambda owner, stage: record_often(
        Event.MEMBER_SESSION_ENDED, user=User.objects.get(pk=owner.id), address=None
    ),
    "member.proof_failed": lambda owner, stage: record_often(
        Event.MEMBER_PROOF_FAILED, user=User.objects.get(pk=owner.id), address=None
    ),
    "member.removed": lambda owner, stage: remove_member(actor=owner, membership_id=stage["membership"].id),
    "api_key.created": lambda owner, stage: create_api_key(
        actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS
    ),
    "api_key.suspended": lambda owner, stage: count_secret_in_arguments(
        actor=actor_for_key(stage["key"], address=None), integration="Look up patient", at_once=True
    ),
    "api_key.suspension_lifted": lambda owner, stage: lift_suspension(actor=owner, key_id=stage["suspended"].id),
    "api_key.budget_set": lambda owner, stage: set_budget_of_key(
        actor=owner, key_id=stage["key"].id, wanted=BudgetFields(daily_calls=100)
    ),
    "api_key.stopped": lambda owner, stage: stop_agent(actor=owner, key_id=stage["key"].id, why="Refunds"),
    "api_key.started": lambda owner, stage: lift_suspension(actor=owner, key_id=stage["stopped_key"].id),
    "api_key.revoked": lambda owner, stage: revoke_api_key(actor=owner, key_id=stage["key"].id),
    "api_key.session_started": lambda owner, stage: start_session(actor=actor_for_key(stage["key"]), name="call-4711"),
    "api_key.session_stopped": lambda owner, stage: stop_session(actor=owner, session_id=stage["session"].id),
    "organization.agents_stopped": lambda owner, stage: stop_agents(actor=owner, why="Refunds"),
    "organization.agents_started": lambda owner, stage: start_agents(actor=stopped(owner)),
    "organization.data_key_destroyed": lambda owner, stage: resealing.rotate(
        owner.organization, made_before=timezone.now() - timedelta(days=1), progress=lambda values: None
    ),
    "organization.data_key_replaced": lambda owner, stage: rotate_data_key(owner),
    "organization.data_key_rewrapped": lambda owner, stage: rewrap(owner),
    "organization.keys_repaired": lambda owner, stage: repair(owner.organization),
    "organization.upgraded": lambda owner, stage: upgrade(owner.organization, progress=lambda values: None),
    "organization.values_compared": lambda owner, stage: compare_values(actor=owner),
    "secret.created": lambda owner, stage: store_secret(owner, "not.yet"),
    "secret.changed": lambda owner, stage: secrets.update_secret(
        actor=owner,
        secret_id=stage["used"].id,
        changes=SecretChanges(description="new", values={STAGING: Plaintext("another-value")}),
    ),
    "secret.disabled": lambda owner, stage: secrets.set_enabled(actor=owner, secret_id=stage["used"].id, enabled=False),
    "secret.enabled": lambda owner, stage: secrets.set_enabled(
        actor=owner, secret_id=stage["disabled"].id, enabled=True
    ),
    "secret.deleted": lambda owner, stage: deleting.delete_secret(actor=owner, secret_id=stage["unused"].id),
    "secret.staged": lambda owner, stage: stage_value(owner, stage["used"]),
    "secret.staged_discarded": lambda owner, stage: rotation.discard(
        actor=owner, secret_id=stage["staged"].id, environment=STAGING
    ),
    "secret.promoted": lambda owner, stage: rotation.promote(
        actor=owner, secret_id=stage["staged"].id, environment=STAGING, approve=lambda staged: []
    ),
    "secret.rolled_back": lambda owner, stage: rotation.roll_back(
        actor=owner, secret_id=stage["promoted"].id, environment=STAGING
    ),
    "secret.previous_destroyed": lambda owner, stage: rotation.destroy_previous(
        actor=owner, secret_id=stage["promoted"].id, environment=STAGING
    ),
    "secret_request.made": lambda owner, stage: answering.ask(
        actor=stage["member"], name="wanted.key", environments=[STAGING], why="For the reminders"
    ),
    "secret_request.dismissed": lambda owner, stage: answering.dismiss(
        actor=owner, request_id=stage["request"].id, reason="Use used.key"
    ),
    "integration.created": lambda owner, stage: make_action(owner, "Another", uses="used.key"),
    "integration.changed": lambda owner, stage: integrations.update_integration(
        actor=owner,
        integration_id=stage["action"].id,
        changes=integrations.IntegrationChanges(name="Renamed", environments=ALL_ENVIRONMENTS),
    ),
    "integration.duplicated": lambda owner, stage: integrations.duplicate_integration(
        actor=owner, integration_id=stage["action"].id
    ),
    "approval.approved": lambda owner, stage: deciding.approve(actor=owner, approval_id=stage["held"].pk),
    "approval.denied": lambda owner, stage: deciding.deny(actor=owner, approval_id=stage["held"].pk),
    "integration.tool_approved": lambda owner, stage: approvals.approve_tool(
        actor=owner,
        integration_id=stage["server"].id,
        name="search",
        fingerprint=stage["server"].remote_tools.get().shown_fingerprint,
    ),
    "integration.tool_withdrawn": lambda owner, stage: approvals.withdraw_tool(
        actor=owner, integration_id=stage["server"].id, name="search"
    ),
    "integration.rules_changed": lambda owner, stage: set_rules(
        actor=owner, integration_id=stage["action"].id, rules=read_rules([{"decision": "ask"}])
    ),
    "integration.tool_changed": lambda owner, stage: tool_settings.change_tool(
        actor=owner,
        integration_id=stage["action"].id,
        tool_id=stage["action"].agent_tools.get().id,
        changes={"read_only": False},
    ),
    "endpoint.created": lambda owner, stage: endpoint_with_delivery(owner),
    "endpoint.changed": lambda owner, stage: endpoints.change_endpoint(
        actor=owner,
        endpoint_id=stage["endpoint"],
        fields=EndpointFields(EndpointKind.WEBHOOK, name="Other", events=["secret.deleted"]),
    ),
    "endpoint.secret_replaced": lambda owner, stage: endpoints.replace_secret(
        actor=owner, endpoint_id=stage["endpoint"]
    ),
    "endpoint.paused": lambda owner, stage: endpoints.pause_endpoint(actor=owner, endpoint_id=stage["endpoint"]),
    "endpoint.resumed": lambda owner, stage: endpoints.resume_endpoint(actor=owner, endpoint_id=stage["paused"]),
    "endpoint.deleted": lambda owner, stage: endpoints.delete_endpoint(actor=owner, endpoint_id=stage["endpoint"]),
    "integration.deleted": lambda owner, stage: integrations.delete_integration(
        actor=owner, integration_id=stage["action"].id
    ),
}


# Acts that leave several events, or one that another act leaves too.
MORE_ACTS = {
    "an answer to a question": lambda owner, stage: answer_about_domains(actor=owner, every_value=False),
    "a rename, with every integration that follows": lambda owner, stage: secrets.update_secret(
        actor=owner, secret_id=stage["used"].id, changes=SecretChanges(name="renamed.key")
    ),
    "other domains, which destroy what is staged and kept": lambda owner, stage: secrets.update_secret(
        actor=owner,
        secret_id=stage["staged"].id,
        changes=SecretChanges(allowed_domains=["api.example.com"], values=dict.fromkeys(Environment, NEW)),
    ),
    "the budget of an integration": lambda owner, stage: set_budget_of_integration(
        actor=owner, integration_id=stage["action"].id, wanted=BudgetFields(daily_calls=100)
    ),
    "a switch while editing": lambda owner, stage: secrets.update_secret(
        actor=owner, secret_id=stage["used"].id, changes=SecretChanges(enabled=False)
    ),
    "several switched at once": lambda owner, stage: secrets.set_all_enabled(
        actor=owner, secret_ids=[stage["used"].id, stage["unused"].id], enabled=False
    ),
    "a secret that somebody asked for": lambda owner, stage: store_secret(owner, "asked.key"),
    "a secret for a request by another name": lambda owner, stage: store_secret(
        owner, "other.key", for_request=stage["request"].id
    ),
    "an import of a name that somebody asked for": lambda owner, stage: apply.apply_import(
        actor=owner, environment=STAGING, text=Plaintext("asked.key=one-value-0815")
    ),
    "an import": lambda owner, stage: apply.apply_import(
        actor=owner, environment=STAGING, text=Plaintext("not.yet=one-value-0815\nused.key=two-values-0815")
    ),
    "another secret everywhere": lambda owner, stage: replacing.replace_references(
        actor=owner, secret_id=stage["used"].id, replacement_id=stage["unused"].id
    ),
    "the end of a roll-back window": lambda owner, stage: destroy_expired_of(stage["promoted"]),
    "several tools at once": lambda owner, stage: approvals.approve_tools(
        actor=owner,
        integration_id=stage["server"].id,
        tools=list(stage["server"].remote_tools.values_list("name", "shown_fingerprint")),
    ),
    "an event of a channel": lambda owner, stage: endpoints.choose_event(
        actor=owner, endpoint_id=stage["endpoint"], names=["secret.deleted"], wanted=True
    ),
    "a configuration file": lambda owner, stage: configuration.apply(owner, CONFIGURED, prune=False),
    "a secret by its name": lambda owner, stage: by_name.put_secret(
        actor=owner, name="named.key", changes=SecretChanges(), seen=KnownState()
    ),
    "an integration by its name": lambda owner, stage: by_name.put_integration(
        actor=owner, name="Named", kind="auth_connector", changes=NAMED, seen=KnownState()
    ),
    "an import of an API": lambda owner, stage: make_import_of(owner, "curl https://crm.example.com/v1/patients"),
    "an update from a newer description": lambda owner, stage: updating.update_import(
        actor=owner,
        import_id=stage["imported"].pk,
        draft=read_draft("curl https://api.example.com/v1/contacts/new"),
        options=UpdateOptions(switch_off=("GET /v1/contacts",)),
    ),
    "a value that does not open": lambda owner, stage: open_tampered(owner, stage["used"]),
}
NEW = Plaintext("another-value-0815")


def destroy_expired_of(secret):
    SecretValue.objects.filter(secret=secret, state="previous").update(rollback_until=timezone.now())
    previous_values.destroy_expired(command="housekeeping")


def open_tampered(owner, secret):
    found = resolver.find(owner.organization, [secret.name], STAGING)
    found[secret.name].value.sealed = b"tampered"
    SecretValue.objects.filter(pk=found[secret.name].value.pk).update(sealed=b"tampered")
    with contextlib.suppress(resolver.Unreadable):
        resolver.open_values(found, actor=owner)


SET_UP_BY_THE_ACT = {
    "the end of a roll-back window": ["rollback_until"],
    "a value that does not open": ["sealed", "stamp"],
    "organization.agents_started": ["agents_stopped_at", "agents_stopped_by", "agents_stopped_why"],
}
"""Columns that an act of this module itself sets, before the act that is tried."""
