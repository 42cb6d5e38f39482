"""Secrets, their sealed values and the keys that seal them, requests and reminders."""

from datetime import timedelta
from uuid import uuid4

import factory
from django.utils import timezone

from accounts.common.environments import Environment
from secrets_app.models import (
    KeyState,
    MasterKeyCanary,
    OrganizationKey,
    RequestState,
    RotationReminder,
    SealedText,
    Secret,
    SecretRequest,
    SecretValue,
    ValueState,
)
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import crypto, keyring, sealed_texts
from tests.factories.accounts import OrganizationFactory

DjangoModelFactory = factory.django.DjangoModelFactory


class OrganizationKeyFactory(DjangoModelFactory):
    """The data key of an organization, made by the keyring: the active key, retired or destroyed where asked."""

    class Meta:
        model = OrganizationKey

    class Params:
        retiring = factory.Trait(state=KeyState.RETIRING.value)
        destroyed = factory.Trait(state=KeyState.DESTROYED.value, wrapped=None)

    organization = factory.SubFactory(OrganizationFactory)

    @classmethod
    def _create(cls, model_class, *args, organization, **changed):
        _, key = keyring.seal_all(organization, [])
        for name, value in changed.items():
            setattr(key, name, value)
        key.save()
        return key


class MasterKeyCanaryFactory(DjangoModelFactory):
    """The canary of a master key that is not in use."""

    class Meta:
        model = MasterKeyCanary

    master_key_id = factory.Sequence(lambda n: f"key{n}")
    sealed = factory.LazyAttribute(lambda row: crypto.seal_canary(crypto.new_data_key(), row.master_key_id))


class SecretFactory(DjangoModelFactory):
    """A secret without values."""

    class Meta:
        model = Secret

    class Params:
        disabled = factory.Trait(enabled=False)

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"service{n}.apiKey")


class SecretValueFactory(DjangoModelFactory):
    """A value of a secret, sealed by the keyring for its place. `text` is the plaintext."""

    class Meta:
        model = SecretValue

    class Params:
        text = "correct-horse-battery"
        sealing = factory.LazyAttribute(
            lambda row: keyring.seal(row.secret, Environment(row.environment), row.version, Plaintext(row.text))
        )
        staged = factory.Trait(state=ValueState.STAGED.value)
        previous = factory.Trait(
            state=ValueState.PREVIOUS.value,
            retired_at=factory.LazyFunction(timezone.now),
            retired_by="Mara Lindqvist",
            rollback_until=factory.LazyAttribute(lambda row: row.retired_at + timedelta(hours=24)),
        )
        destroyed = factory.Trait(state=ValueState.DESTROYED.value, sealed=None)

    secret = factory.SubFactory(SecretFactory)
    environment = Environment.STAGING.value
    version = 1
    sealed = factory.LazyAttribute(lambda row: row.sealing[0])
    data_key = factory.LazyAttribute(lambda row: row.sealing[1])
    created_by = "Mara Lindqvist"


class SecretRequestFactory(DjangoModelFactory):
    """An open request for a secret in staging."""

    class Meta:
        model = SecretRequest

    class Params:
        answered = factory.Trait(
            state=RequestState.ANSWERED.value,
            answered_by="Mara Lindqvist",
            answered_at=factory.LazyFunction(timezone.now),
            secret=factory.SubFactory(
                SecretFactory,
                organization=factory.SelfAttribute("..organization"),
                name=factory.SelfAttribute("..name"),
            ),
        )
        dismissed = factory.Trait(
            state=RequestState.DISMISSED.value,
            answered_by="Mara Lindqvist",
            answered_at=factory.LazyFunction(timezone.now),
            reason="Use crm.apiKey.",
        )

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"wanted{n}.apiKey")
    environments = frozenset({Environment.STAGING})
    why = "For the reception agent"
    asked_by_id = factory.LazyFunction(uuid4)
    asked_by = "Jonas Weber"


class RotationReminderFactory(DjangoModelFactory):
    """A reminder that was sent for a secret which is due today."""

    class Meta:
        model = RotationReminder

    secret = factory.SubFactory(SecretFactory, rotate_every_days=30)
    due_at = factory.LazyFunction(timezone.now)


class SealedTextFactory(DjangoModelFactory):
    """A sealed text that belongs to something. `text` is the plaintext."""

    class Meta:
        model = SealedText

    organization = factory.SubFactory(OrganizationFactory)
    purpose = "signing secret"
    owner_id = factory.LazyFunction(uuid4)

    @classmethod
    def _create(cls, model_class, *args, text="whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0", **fields):
        return sealed_texts.seal_text(fields["organization"], fields["purpose"], fields["owner_id"], Plaintext(text))
