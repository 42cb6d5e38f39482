"""One factory for every model. A row is valid and consistent with the rows that it belongs to.

Factories write rows directly. Where a test is about what a service does on the way (audit events, mails, limits), it
makes things with `tests.support.things`.
"""

from tests.factories.accounts import (
    ApiKeyFactory,
    AuditEventFactory,
    AuditHeadFactory,
    AuthenticatorFactory,
    InvitationFactory,
    MembershipFactory,
    OrganizationFactory,
    RefusedAttemptsFactory,
    RetiredSlugFactory,
    SeenSignInFactory,
    SocialAccountFactory,
    UserFactory,
    WaitingMailFactory,
)
from tests.factories.integrations import (
    AgentToolFactory,
    AnsweredNonceFactory,
    IntegrationFactory,
    MaskStampFactory,
    RemoteToolFactory,
    RotationCheckFactory,
    RunFactory,
    RunSecretFactory,
    SecretDestinationFactory,
    SecretReferenceFactory,
    ToolListingFactory,
    ToolStampFactory,
)
from tests.factories.secrets_app import (
    MasterKeyCanaryFactory,
    OrganizationKeyFactory,
    RotationReminderFactory,
    SecretFactory,
    SecretRequestFactory,
    SecretValueFactory,
)

__all__ = [
    "AgentToolFactory",
    "AnsweredNonceFactory",
    "ApiKeyFactory",
    "AuditEventFactory",
    "AuditHeadFactory",
    "AuthenticatorFactory",
    "IntegrationFactory",
    "InvitationFactory",
    "MaskStampFactory",
    "MasterKeyCanaryFactory",
    "MembershipFactory",
    "OrganizationFactory",
    "OrganizationKeyFactory",
    "RefusedAttemptsFactory",
    "RemoteToolFactory",
    "RetiredSlugFactory",
    "RotationCheckFactory",
    "RotationReminderFactory",
    "RunFactory",
    "RunSecretFactory",
    "SecretDestinationFactory",
    "SecretFactory",
    "SecretReferenceFactory",
    "SecretRequestFactory",
    "SecretValueFactory",
    "SeenSignInFactory",
    "SocialAccountFactory",
    "ToolListingFactory",
    "ToolStampFactory",
    "UserFactory",
    "WaitingMailFactory",
]
