"""Which door tries which act, for the audit log's refused attempts (`accounts.attempts`).

Every page and every operation of the API that changes what the log tells of; a test fails on one that is not here.
"""

from uuid import UUID

from accounts.audit import Event
from accounts.models import ApiKey, Organization
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


def name_of_secret(organization: Organization, secret_id: UUID) -> str | None:
    """Its name, in this organization."""
    return Secret.objects.of(organization).filter(pk=secret_id).values_list("name", flat=True).first()


def name_of_integration(organization: Organization, integration_id: UUID) -> str | None:
    """Its name, in this organization."""
    found = Integration.objects.filter(organization=organization, pk=integration_id)
    return found.values_list("name", flat=True).first()


def name_of_key(organization: Organization, key_id: UUID) -> str | None:
    """Its name, in this organization."""
    return ApiKey.objects.filter(organization=organization, pk=key_id).values_list("name", flat=True).first()


def name_of_request(organization: Organization, request_id: UUID) -> str | None:
    """The name that is asked for, in this organization."""
    found = SecretRequest.objects.filter(organization=organization, pk=request_id)
    return found.values_list("name", flat=True).first()


NAMES = {
    "secret_id": name_of_secret,
    "integration_id": name_of_integration,
    "key_id": name_of_key,
    "request_id": name_of_request,
}
