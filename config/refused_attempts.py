"""Which view attempts which change, for refused attempts in the audit log (`accounts.audit.refused_attempts`).

It lists every page and every operation of the API whose changes the audit log records; a test fails if one is missing.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.audit.refused_attempts import AttemptTarget
from accounts.audit.trail import Event
from accounts.models import ApiKey, Invitation, Membership, Organization
from integrations.models import AlertEndpoint, Approval, Integration
from secrets_app.models import Secret, SecretRequest

EVENT_OF_VIEW = {
    # pages
    "secrets_app.web.secrets.new": Event.SECRET_CREATED,
    "secrets_app.web.secrets.edit": Event.SECRET_CHANGED,
    "integrations.web.secrets.switching.enable": Event.SECRET_ENABLED,
    "integrations.web.secrets.switching.disable": Event.SECRET_DISABLED,
    "secrets_app.web.secrets.delete": Event.SECRET_DELETED,
    "integrations.web.secrets.switching.switch": Event.SECRET_CHANGED,
    "secrets_app.web.importing.import_secrets": Event.SECRET_CREATED,
    "secrets_app.web.requests.new": Event.SECRET_REQUEST_MADE,
    "secrets_app.web.requests.dismiss_request": Event.SECRET_REQUEST_DISMISSED,
    "secrets_app.web.hygiene.compare": Event.ORGANIZATION_VALUES_COMPARED,
    "integrations.web.secrets.replace.replace": Event.SECRET_CHANGED,
    "integrations.web.secrets.rotation.start": Event.SECRET_STAGED,
    "integrations.web.secrets.rotation.promote": Event.SECRET_PROMOTED,
    "integrations.web.secrets.rotation.discard": Event.SECRET_STAGED_DISCARDED,
    "integrations.web.secrets.rotation.roll_back": Event.SECRET_ROLLED_BACK,
    "integrations.web.secrets.rotation.finish": Event.SECRET_PREVIOUS_DESTROYED,
    "integrations.web.editing.new": Event.INTEGRATION_CREATED,
    "integrations.web.editing.edit": Event.INTEGRATION_CHANGED,
    "integrations.web.imports.new.new": Event.INTEGRATION_CREATED,
    "integrations.web.imports.update.update": Event.INTEGRATION_CHANGED,
    "integrations.web.switching.enable": Event.INTEGRATION_CHANGED,
    "integrations.web.switching.disable": Event.INTEGRATION_CHANGED,
    "integrations.web.deleting.delete": Event.INTEGRATION_DELETED,
    "integrations.web.duplicating.duplicate": Event.INTEGRATION_DUPLICATED,
    "integrations.web.agent_tools.index": Event.INTEGRATION_CHANGED,
    "integrations.web.rules.pages.edit": Event.INTEGRATION_RULES_CHANGED,
    "integrations.web.agent_tools.edit": Event.INTEGRATION_TOOL_CHANGED,
    "integrations.web.tools.approve": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.web.tools.withdraw": Event.INTEGRATION_TOOL_WITHDRAWN,
    "integrations.web.tools.only_approved": Event.INTEGRATION_CHANGED,
    "integrations.web.approvals.deciding.approve": Event.APPROVAL_APPROVED,
    "integrations.web.approvals.deciding.allow": Event.APPROVAL_APPROVED,
    "integrations.web.approvals.deciding.deny": Event.APPROVAL_DENIED,
    "integrations.web.agents.keys.new": Event.API_KEY_CREATED,
    "integrations.web.agents.connecting.connect": Event.API_KEY_CREATED,
    "integrations.web.agents.keys.revoke": Event.API_KEY_REVOKED,
    "integrations.web.agents.keys.stop": Event.API_KEY_SESSION_STOPPED,
    "integrations.web.budgets.of_key": Event.API_KEY_BUDGET_SET,
    "integrations.web.budgets.of_integration": Event.INTEGRATION_CHANGED,
    "integrations.api.budget.put_budget": Event.INTEGRATION_CHANGED,
    "integrations.web.agents.stopping.stop_agent": Event.API_KEY_STOPPED,
    "integrations.web.agents.stopping.lift": Event.API_KEY_SUSPENSION_LIFTED,
    "integrations.web.alerts.endpoints.new": Event.ENDPOINT_CREATED,
    "integrations.web.alerts.endpoints.edit": Event.ENDPOINT_CHANGED,
    "integrations.web.alerts.endpoints.choose": Event.ENDPOINT_CHANGED,
    "integrations.web.alerts.endpoints.pause": Event.ENDPOINT_PAUSED,
    "integrations.web.alerts.endpoints.resume": Event.ENDPOINT_RESUMED,
    "integrations.web.alerts.endpoints.secret": Event.ENDPOINT_SECRET_REPLACED,
    "integrations.web.alerts.endpoints.delete": Event.ENDPOINT_DELETED,
    "accounts.web.members.role": Event.MEMBER_ROLE_CHANGED,
    "accounts.web.members.remove": Event.MEMBER_REMOVED,
    "accounts.web.members.leave": Event.MEMBER_LEFT,
    "accounts.web.invitations.invite": Event.INVITATION_CREATED,
    "accounts.web.invitations.renew": Event.INVITATION_RENEWED,
    "accounts.web.invitations.approve": Event.INVITATION_APPROVED,
    "accounts.web.invitations.withdraw": Event.INVITATION_WITHDRAWN,
    "accounts.web.settings.index": Event.ORGANIZATION_CHANGED,
    "accounts.web.settings.domains": Event.ORGANIZATION_CHANGED,
    "accounts.web.stopping.stop": Event.ORGANIZATION_AGENTS_STOPPED,
    "accounts.web.stopping.start": Event.ORGANIZATION_AGENTS_STARTED,
    "accounts.web.settings.delete": Event.ORGANIZATION_DELETED,
    # the API
    "accounts.api.organization.stop_agents": Event.ORGANIZATION_AGENTS_STOPPED,
    "accounts.api.sessions.start_session": Event.API_KEY_SESSION_STARTED,
    "accounts.api.sessions.stop_session": Event.API_KEY_SESSION_STOPPED,
    "secrets_app.api.secrets.create_secret": Event.SECRET_CREATED,
    "secrets_app.api.secrets.edit_secret": Event.SECRET_CHANGED,
    "secrets_app.api.secrets.delete_secret": Event.SECRET_DELETED,
    "secrets_app.api.importing.import_secrets": Event.SECRET_CREATED,
    "integrations.api.secrets.replace_references": Event.SECRET_CHANGED,
    "integrations.api.rotation.stage_value": Event.SECRET_STAGED,
    "integrations.api.rotation.promote_value": Event.SECRET_PROMOTED,
    "integrations.api.rotation.discard_staged_value": Event.SECRET_STAGED_DISCARDED,
    "integrations.api.rotation.roll_back_value": Event.SECRET_ROLLED_BACK,
    "integrations.api.by_name.put_secret_by_name": Event.SECRET_CHANGED,
    "integrations.api.by_name.put_integration_by_name": Event.INTEGRATION_CHANGED,
    "integrations.api.configuration.apply_configuration": Event.ORGANIZATION_CONFIGURED,
    "integrations.api.imports.create_import": Event.INTEGRATION_CREATED,
    "integrations.api.imports.update_import": Event.INTEGRATION_CHANGED,
    "integrations.api.integrations.create_integration": Event.INTEGRATION_CREATED,
    "integrations.api.integrations.edit_integration": Event.INTEGRATION_CHANGED,
    "integrations.api.integrations.delete_integration": Event.INTEGRATION_DELETED,
    "integrations.api.integrations.duplicate_integration": Event.INTEGRATION_DUPLICATED,
    "integrations.api.webhooks.create_webhook": Event.ENDPOINT_CREATED,
    "integrations.api.webhooks.change_webhook": Event.ENDPOINT_CHANGED,
    "integrations.api.webhooks.delete_webhook": Event.ENDPOINT_DELETED,
    "integrations.api.webhooks.replace_webhook_secret": Event.ENDPOINT_SECRET_REPLACED,
    "integrations.api.webhooks.pause_webhook": Event.ENDPOINT_PAUSED,
    "integrations.api.webhooks.resume_webhook": Event.ENDPOINT_RESUMED,
    "integrations.api.agent_tools.change_agent_tool": Event.INTEGRATION_TOOL_CHANGED,
    "integrations.api.rules.put_rules": Event.INTEGRATION_RULES_CHANGED,
    "integrations.api.tools.approve_tool": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.api.tools.approve_tools": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.api.tools.withdraw_approval": Event.INTEGRATION_TOOL_WITHDRAWN,
}


def secret(organization: Organization, secret_id: UUID) -> AttemptTarget | None:
    """Find a secret of this organization."""
    return _attempt_target(Secret.objects.of(organization).filter(pk=secret_id), "pk", "name")


def request_for_secret(organization: Organization, request_id: UUID) -> AttemptTarget | None:
    """Find a request for a secret of this organization; its name is the one that is asked for."""
    return _attempt_target(SecretRequest.objects.filter(organization=organization, pk=request_id), "pk", "name")


def integration(organization: Organization, integration_id: UUID) -> AttemptTarget | None:
    """Find an integration of this organization."""
    return _attempt_target(Integration.objects.filter(organization=organization, pk=integration_id), "pk", "name")


def approval(organization: Organization, approval_id: UUID) -> AttemptTarget | None:
    """Find an approval of this organization, named as in the events of decisions."""
    found = Approval.objects.filter(organization=organization, pk=approval_id).first()
    return AttemptTarget(found.pk, found.name) if found else None


def endpoint(organization: Organization, endpoint_id: UUID) -> AttemptTarget | None:
    """Find an endpoint of alerts of this organization."""
    return _attempt_target(AlertEndpoint.objects.filter(organization=organization, pk=endpoint_id), "pk", "name")


def api_key(organization: Organization, key_id: UUID) -> AttemptTarget | None:
    """Find an API key of this organization."""
    return _attempt_target(ApiKey.objects.filter(organization=organization, pk=key_id), "pk", "name")


def member(organization: Organization, membership_id: UUID) -> AttemptTarget | None:
    """Find a member by membership. The target is the person, named by login, as in events of completed actions."""
    return _attempt_target(
        Membership.objects.filter(organization=organization, pk=membership_id), "user_id", "user__email"
    )


def invitation(organization: Organization, invitation_id: UUID) -> AttemptTarget | None:
    """Find an invitation of this organization, named by the invited address."""
    return _attempt_target(Invitation.objects.filter(organization=organization, pk=invitation_id), "pk", "email")


def _attempt_target(found: QuerySet[Any], number: str, name: str) -> AttemptTarget | None:
    row = found.values_list(number, name).first()
    return AttemptTarget(*row) if row else None


FINDERS = {
    "secret_id": secret,
    "request_id": request_for_secret,
    "integration_id": integration,
    "approval_id": approval,
    "endpoint_id": endpoint,
    "session_id": api_key,
    "key_id": api_key,
    "membership_id": member,
    "invitation_id": invitation,
}
