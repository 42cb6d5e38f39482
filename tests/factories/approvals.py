"""Approvals in each state, of calls whose arguments are not kept."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import factory
from django.utils import timezone

from integrations.models import Approval
from tests.factories.accounts import OrganizationFactory


def _hash(number):
    return hashlib.sha256(b"approval %d" % number).hexdigest()


class ApprovalFactory(factory.django.DjangoModelFactory):
    """A call of an API key that waits, of an integration that may be gone."""

    class Meta:
        model = Approval

    class Params:
        approved = factory.Trait(
            state="approved",
            decided_by="Mara Lindqvist",
            decided_at=factory.LazyFunction(timezone.now),
            use_before=factory.LazyAttribute(lambda row: row.decided_at + timedelta(minutes=15)),
        )
        for_a_while = factory.Trait(approved=True, is_for_a_while=True)
        denied = factory.Trait(
            state="denied",
            decided_by="Mara Lindqvist",
            decided_at=factory.LazyFunction(timezone.now),
            ended_at=factory.LazyFunction(timezone.now),
        )
        expired = factory.Trait(state="expired", ended_at=factory.LazyFunction(timezone.now))
        used = factory.Trait(
            approved=True,
            state="used",
            calls=1,
            used_at=factory.LazyFunction(timezone.now),
            ended_at=factory.LazyFunction(timezone.now),
            made_run_id=factory.LazyFunction(uuid4),
        )

    organization = factory.SubFactory(OrganizationFactory)
    integration_id = factory.LazyFunction(uuid4)
    integration_name = "Look up patient"
    kind = "api_action"
    operation = "call"
    environment = "staging"
    caller_kind = "api_key"
    caller_id = principal_id = factory.LazyFunction(uuid4)
    caller = "API key agent"
    basis = scope = fingerprint = factory.Sequence(_hash)
    why = "A rule of Look up patient asks a person."
    asked = "an owner or admin"
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda row: row.created_at + timedelta(minutes=15))
    held_run_id = factory.LazyFunction(uuid4)
