"""Which view attempts which change, for refused attempts in the audit log (`accounts.audit.refused_attempts`).

It lists every page and every operation of the API whose changes the audit log records; a test fails if one is missing.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.audit.refused_attempts import AttemptTarget
from accounts.audit.trail import Event
from accounts.models import ApiKey, Invitation, Membership, Organization
from integrations.models import Integration
from secrets_app.models import Secret, SecretRequest

EVENT_OF_VIEW = {
    # pages
    "secrets_app.web.secrets.new": Event.SECRET_CREATED,
    "secrets_app.web.secrets.edit": Event.SECRET_CHANGED,
    "secrets_app.web.secrets.enable": Event.SECRET_ENABLED,
    "secrets_app.web.secrets.disable": Event.SECRET_DISABLED,
    "secrets_app.web.secrets.delete": Event.SECRET_DELETED,
    "secrets_app.web.listing.switch": Event.SECRET_CHANGED,
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
    "integrations.web.deleting.delete": Event.INTEGRATION_DELETED,
    "integrations.web.duplicating.duplicate": Event.INTEGRATION_DUPLICATED,
    "integrations.web.agent_tools.index": Event.INTEGRATION_CHANGED,
    "integrations.web.agent_tools.edit": Event.INTEGRATION_TOOL_CHANGED,
    "integrations.web.tools.approve": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.web.tools.withdraw": Event.INTEGRATION_TOOL_WITHDRAWN,
    "integrations.web.tools.only_approved": Event.INTEGRATION_CHANGED,
    "integrations.web.agents.keys.new": Event.API_KEY_CREATED,
    "integrations.web.agents.connecting.connect": Event.API_KEY_CREATED,
    "integrations.web.agents.keys.revoke": Event.API_KEY_REVOKED,
    "integrations.web.agents.keys.stop": Event.API_KEY_SESSION_STOPPED,
    "integrations.web.agents.keys.lift": Event.API_KEY_SUSPENSION_LIFTED,
    "accounts.web.members.role": Event.MEMBER_ROLE_CHANGED,
    "accounts.web.members.remove": Event.MEMBER_REMOVED,
    "accounts.web.members.leave": Event.MEMBER_LEFT,
    "accounts.web.invitations.invite": Event.INVITATION_CREATED,
    "accounts.web.invitations.renew": Event.INVITATION_RENEWED,
    "accounts.web.invitations.approve": Event.INVITATION_APPROVED,
    "accounts.web.invitations.withdraw": Event.INVITATION_WITHDRAWN,
    "accounts.web.settings.index": Event.ORGANIZATION_CHANGED,
    "accounts.web.settings.domains": Event.ORGANIZATION_CHANGED,
    "accounts.web.settings.delete": Event.ORGANIZATION_DELETED,
    # the API
    "accounts.api.sessions.start_session": Event.API_KEY_SESSION_STARTED,
    "accounts.api.sessions.stop_session": Event.API_KEY_SESSION_STOPPED,
    "secrets_app.api.secrets.create_secret": Event.SECRET_CREATED,
    "secrets_app.api.secrets.edit_secret": Event.SECRET_CHANGED,
    "secrets_app.api.secrets.delete_secret": Event.SECRET_DELETED,
    "secrets_app.api.importing.import_secrets": Event.SECRET_CREATED,
    "integrations.api.secrets.replace": Event.SECRET_CHANGED,
    "integrations.api.rotation.stage": Event.SECRET_STAGED,
    "integrations.api.rotation.promote": Event.SECRET_PROMOTED,
    "integrations.api.rotation.discard": Event.SECRET_STAGED_DISCARDED,
    "integrations.api.rotation.roll_back": Event.SECRET_ROLLED_BACK,
    "integrations.api.integrations.create_integration": Event.INTEGRATION_CREATED,
    "integrations.api.integrations.edit_integration": Event.INTEGRATION_CHANGED,
    "integrations.api.integrations.delete_integration": Event.INTEGRATION_DELETED,
    "integrations.api.integrations.duplicate_integration": Event.INTEGRATION_DUPLICATED,
    "integrations.api.agent_tools.change_agent_tool": Event.INTEGRATION_TOOL_CHANGED,
    "integrations.api.tools.approve": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.api.tools.approve_all": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.api.tools.withdraw": Event.INTEGRATION_TOOL_WITHDRAWN,
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
    "session_id": api_key,
    "key_id": api_key,
    "membership_id": member,
    "invitation_id": invitation,
}
