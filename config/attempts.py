"""Which door tries which act, for the audit log's refused attempts (`accounts.attempts`).

Every page and every operation of the API that changes what the log tells of; a test fails on one that is not here.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.attempts import Thing
from accounts.audit import Event
from accounts.models import ApiKey, Invitation, Membership, Organization
from integrations.models import Integration
from secrets_app.models import Secret, SecretRequest

ACTS = {
    # pages
    "secrets_app.views.new": Event.SECRET_CREATED,
    "secrets_app.views.edit": Event.SECRET_CHANGED,
    "secrets_app.views.enable": Event.SECRET_ENABLED,
    "secrets_app.views.disable": Event.SECRET_DISABLED,
    "secrets_app.views.delete": Event.SECRET_DELETED,
    "secrets_app.listing.switch": Event.SECRET_CHANGED,
    "secrets_app.views_import.import_secrets": Event.SECRET_CREATED,
    "secrets_app.views_requests.new": Event.SECRET_REQUEST_MADE,
    "secrets_app.views_requests.dismiss_request": Event.SECRET_REQUEST_DISMISSED,
    "secrets_app.views_hygiene.compare": Event.ORGANIZATION_VALUES_COMPARED,
    "integrations.views_replace.replace": Event.SECRET_CHANGED,
    "integrations.views_of_rotation.start": Event.SECRET_STAGED,
    "integrations.views_of_rotation.promote": Event.SECRET_PROMOTED,
    "integrations.views_of_rotation.discard": Event.SECRET_STAGED_DISCARDED,
    "integrations.views_of_rotation.roll_back": Event.SECRET_ROLLED_BACK,
    "integrations.views_of_rotation.finish": Event.SECRET_PREVIOUS_DESTROYED,
    "integrations.views.editing.new": Event.INTEGRATION_CREATED,
    "integrations.views.editing.edit": Event.INTEGRATION_CHANGED,
    "integrations.views.deleting.delete": Event.INTEGRATION_DELETED,
    "integrations.views.duplicating.duplicate": Event.INTEGRATION_DUPLICATED,
    "integrations.views.tools.approve": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.views.tools.withdraw": Event.INTEGRATION_TOOL_WITHDRAWN,
    "integrations.views.api_keys.new": Event.API_KEY_CREATED,
    "integrations.views.api_keys.revoke": Event.API_KEY_REVOKED,
    "accounts.views_members.role": Event.MEMBER_ROLE_CHANGED,
    "accounts.views_members.remove": Event.MEMBER_REMOVED,
    "accounts.views_members.leave": Event.MEMBER_LEFT,
    "accounts.views_invitations.invite": Event.INVITATION_CREATED,
    "accounts.views_invitations.renew": Event.INVITATION_RENEWED,
    "accounts.views_invitations.withdraw": Event.INVITATION_WITHDRAWN,
    "accounts.views_settings.index": Event.ORGANIZATION_CHANGED,
    "accounts.views_settings.delete": Event.ORGANIZATION_DELETED,
    # the API
    "secrets_app.api.create_secret": Event.SECRET_CREATED,
    "secrets_app.api.edit_secret": Event.SECRET_CHANGED,
    "secrets_app.api.delete_secret": Event.SECRET_DELETED,
    "secrets_app.api_import.import_secrets": Event.SECRET_CREATED,
    "integrations.api_of_secrets.replace": Event.SECRET_CHANGED,
    "integrations.api_of_rotation.stage": Event.SECRET_STAGED,
    "integrations.api_of_rotation.promote": Event.SECRET_PROMOTED,
    "integrations.api_of_rotation.discard": Event.SECRET_STAGED_DISCARDED,
    "integrations.api_of_rotation.roll_back": Event.SECRET_ROLLED_BACK,
    "integrations.api.create_integration": Event.INTEGRATION_CREATED,
    "integrations.api.edit_integration": Event.INTEGRATION_CHANGED,
    "integrations.api.delete_integration": Event.INTEGRATION_DELETED,
    "integrations.api.duplicate_integration": Event.INTEGRATION_DUPLICATED,
    "integrations.api_tools.approve": Event.INTEGRATION_TOOL_APPROVED,
    "integrations.api_tools.withdraw": Event.INTEGRATION_TOOL_WITHDRAWN,
}


def secret(organization: Organization, secret_id: UUID) -> Thing | None:
    """One of this organization, by its name."""
    return _thing(Secret.objects.of(organization).filter(pk=secret_id), "pk", "name")


def request_for_secret(organization: Organization, request_id: UUID) -> Thing | None:
    """One of this organization, by the name that is asked for."""
    return _thing(SecretRequest.objects.filter(organization=organization, pk=request_id), "pk", "name")


def integration(organization: Organization, integration_id: UUID) -> Thing | None:
    """One of this organization, by its name."""
    return _thing(Integration.objects.filter(organization=organization, pk=integration_id), "pk", "name")


def api_key(organization: Organization, key_id: UUID) -> Thing | None:
    """One of this organization, by its name."""
    return _thing(ApiKey.objects.filter(organization=organization, pk=key_id), "pk", "name")


def member(organization: Organization, membership_id: UUID) -> Thing | None:
    """The person, by the address that they sign in with, as in the events of acts that were done."""
    return _thing(Membership.objects.filter(organization=organization, pk=membership_id), "user_id", "user__email")


def invitation(organization: Organization, invitation_id: UUID) -> Thing | None:
    """One of this organization, by the invited address."""
    return _thing(Invitation.objects.filter(organization=organization, pk=invitation_id), "pk", "email")


def _thing(found: QuerySet[Any], number: str, name: str) -> Thing | None:
    row = found.values_list(number, name).first()
    return Thing(*row) if row else None


FINDERS = {
    "secret_id": secret,
    "request_id": request_for_secret,
    "integration_id": integration,
    "key_id": api_key,
    "membership_id": member,
    "invitation_id": invitation,
}
