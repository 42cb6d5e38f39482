"""People, organizations, roles, invitations, API keys and audit events."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import factory
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.utils import timezone

from accounts.access.key_text import new_key
from accounts.audit import chain_keys
from accounts.audit.trail import Event, Outcome, chain_hash
from accounts.models import (
    ApiKey,
    AuditEvent,
    AuditHead,
    IdempotentRequest,
    Invitation,
    Membership,
    Organization,
    RefusedAttempts,
    RetiredSlug,
    SeenSignIn,
    User,
)
from accounts.occurrences import Occurred, Occurrence
from accounts.policy import Role, Scope
from accounts.waiting_mail import WaitingMail

DjangoModelFactory = factory.django.DjangoModelFactory


class UserFactory(DjangoModelFactory):
    """A person without a password; tests sign them in with `tests.support.sign_in`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        staff = factory.Trait(is_staff=True, is_superuser=True)
        inactive = factory.Trait(is_active=False)

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Faker("name")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(**kwargs)


class AuthenticatorFactory(DjangoModelFactory):
    """A second factor as allauth stores it, without the data that would let anybody use it."""

    class Meta:
        model = Authenticator

    class Params:
        passkey = factory.Trait(type=Authenticator.Type.WEBAUTHN, data={"name": "key"})
        recovery_codes = factory.Trait(type=Authenticator.Type.RECOVERY_CODES)

    user = factory.SubFactory(UserFactory)
    type = Authenticator.Type.TOTP
    data = factory.Dict({})


class SocialAccountFactory(DjangoModelFactory):
    """A person's account at the single sign-on provider."""

    class Meta:
        model = SocialAccount

    user = factory.SubFactory(UserFactory)
    provider = "sso"
    uid = factory.Sequence(str)


class SeenSignInFactory(DjangoModelFactory):
    """A browser that a person has signed in from."""

    class Meta:
        model = SeenSignIn

    user = factory.SubFactory(UserFactory)
    digest = factory.Sequence(lambda n: hashlib.sha256(b"browser %d" % n).hexdigest())
    seen_at = factory.LazyFunction(timezone.now)


class OrganizationFactory(DjangoModelFactory):
    """An organization without members."""

    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")


class RetiredSlugFactory(DjangoModelFactory):
    """The slug of an organization that was deleted."""

    class Meta:
        model = RetiredSlug

    slug = factory.Sequence(lambda n: f"retired-{n}")
    organization_id = factory.LazyFunction(uuid4)


class MembershipFactory(DjangoModelFactory):
    """A person in an organization."""

    class Meta:
        model = Membership

    class Params:
        owner = factory.Trait(role=Role.OWNER)
        admin = factory.Trait(role=Role.ADMIN)

    user = factory.SubFactory(UserFactory)
    organization = factory.SubFactory(OrganizationFactory)
    role = Role.MEMBER


class InvitationFactory(DjangoModelFactory):
    """An open invitation, sent a moment ago. Its token is unknown; `tests.support.invited` makes one with a token."""

    class Meta:
        model = Invitation

    class Params:
        expired = factory.Trait(
            renewed_at=factory.LazyFunction(lambda: timezone.now() - timedelta(days=8)),
            expires_at=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1)),
        )
        not_sent = factory.Trait(sent_at=None)

    organization = factory.SubFactory(OrganizationFactory)
    email = factory.Sequence(lambda n: f"invited{n}@example.com")
    role = Role.MEMBER
    digest = factory.Sequence(lambda n: hashlib.sha256(b"token %d" % n).digest())
    invited_by = "Mara Lindqvist"
    renewed_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda row: row.renewed_at + timedelta(days=7))
    sent_at = factory.SelfAttribute("renewed_at")


class ApiKeyFactory(DjangoModelFactory):
    """An API key with every scope. Pass `key=new_key()` to know its text; otherwise nobody does."""

    class Meta:
        model = ApiKey

    class Params:
        key = factory.LazyFunction(new_key)
        expired = factory.Trait(expires_at=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1)))
        revoked = factory.Trait(revoked_at=factory.LazyFunction(timezone.now))
        stopped = factory.Trait(
            suspended_at=factory.LazyFunction(timezone.now), stopped_by="Mara Lind", stopped_why="Too many refunds"
        )
        session = factory.Trait(
            parent=factory.SubFactory(
                "tests.factories.accounts.ApiKeyFactory", organization=factory.SelfAttribute("..organization")
            ),
            expires_at=factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1)),
        )

    organization = factory.SubFactory(OrganizationFactory)
    name = "agent"
    prefix = factory.SelfAttribute("key.prefix")
    digest = factory.SelfAttribute("key.digest")
    scopes = factory.LazyFunction(lambda: [scope.value for scope in Scope])


class AuditEventFactory(DjangoModelFactory):
    """The next event of an organization's chain. Built instead of created, its number and its hash are the caller's."""

    class Meta:
        model = AuditEvent

    class Params:
        refused = factory.Trait(outcome=Outcome.REFUSED.value)

    organization_id = factory.LazyFunction(uuid4)
    sequence = 0
    created_at = factory.LazyFunction(timezone.now)
    event = Event.SECRET_CHANGED.value
    outcome = Outcome.DONE.value
    actor_kind = "user"
    actor_id = factory.LazyFunction(uuid4)
    actor_label = "Mara Lindqvist"
    target_kind = "secret"
    target_id = factory.LazyFunction(uuid4)
    target_label = "crm.apiKey"
    chain = b""

    @classmethod
    def _create(cls, model_class, *args, **fields):
        head, _ = AuditHead.objects.get_or_create(organization_id=fields["organization_id"])
        key_id, key = chain_keys.current(head.organization_id)
        event = model_class(**fields | {"sequence": head.sequence + 1, "key_id": key_id})
        event.chain = chain_hash(bytes(head.chain), event, key)
        event.save(force_insert=True)
        AuditHead.objects.filter(pk=head.pk).update(sequence=event.sequence, chain=event.chain)
        return event


class AuditHeadFactory(DjangoModelFactory):
    """The head of a chain without events."""

    class Meta:
        model = AuditHead

    organization_id = factory.LazyFunction(uuid4)


class RefusedAttemptsFactory(DjangoModelFactory):
    """One refused attempt, counted in this hour."""

    class Meta:
        model = RefusedAttempts

    organization = factory.SubFactory(OrganizationFactory)
    actor_id = factory.LazyFunction(uuid4)
    event = Event.SECRET_CHANGED.value
    hour = factory.LazyFunction(lambda: timezone.now().replace(minute=0, second=0, microsecond=0))
    number = 1


class WaitingMailFactory(DjangoModelFactory):
    """A mail that the mail server refused once, and that is due again."""

    class Meta:
        model = WaitingMail

    about = "A secret has to be rotated"
    to = factory.Sequence(lambda number: f"person{number}@example.com")
    subject = "crm.apiKey has to be rotated"
    paragraphs = factory.LazyFunction(lambda: ["crm.apiKey has to be rotated."])
    attempts = 1
    next_at = factory.LazyFunction(timezone.now)
    problem = "SMTPServerDisconnected"


class IdempotentRequestFactory(DjangoModelFactory):
    """A request with an `Idempotency-Key` that created something."""

    class Meta:
        model = IdempotentRequest

    organization = factory.SubFactory(OrganizationFactory)
    lookup = factory.Sequence(lambda number: f"{number:064x}")
    fingerprint = "0" * 64
    status = 201
    created_at = factory.LazyFunction(timezone.now)


class OccurrenceFactory(DjangoModelFactory):
    """An API key was used for the first time, and nobody has been told yet."""

    class Meta:
        model = Occurrence

    class Params:
        taken = factory.Trait(taken_at=factory.LazyFunction(timezone.now))

    organization = factory.SubFactory(OrganizationFactory)
    type = Occurred.API_KEY_FIRST_USED.value
    data = factory.LazyFunction(lambda: {"api_key": {"id": str(uuid4()), "name": "deploy"}})
    created_at = factory.LazyFunction(timezone.now)
