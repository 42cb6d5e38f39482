"""Counts of runs, and how integrations fare."""

from uuid import uuid4

import factory
from django.utils import timezone

from accounts.common.environments import Environment
from integrations.figures.counting import day_of, hour_of
from integrations.models import (
    CallerCount,
    HiddenFirstSteps,
    IntegrationState,
    RunCount,
    RunOutcome,
    RunsCounted,
    Span,
)
from tests.factories.accounts import OrganizationFactory
from tests.factories.integrations import IntegrationFactory

DjangoModelFactory = factory.django.DjangoModelFactory


class RunCountFactory(DjangoModelFactory):
    """An hour with three runs, or a day."""

    class Meta:
        model = RunCount

    class Params:
        day = factory.Trait(span=Span.DAY.value, starts_at=factory.LazyFunction(lambda: day_of(timezone.now())))

    organization = factory.SubFactory(OrganizationFactory)
    span = Span.HOUR.value
    starts_at = factory.LazyFunction(lambda: hour_of(timezone.now()))
    integration_id = factory.LazyFunction(uuid4)
    environment = Environment.STAGING.value
    outcome = RunOutcome.SUCCEEDED.value
    runs = 3
    durations = factory.LazyFunction(lambda: {"20": 3})


class CallerCountFactory(DjangoModelFactory):
    """An hour with three runs of an API key."""

    class Meta:
        model = CallerCount

    organization = factory.SubFactory(OrganizationFactory)
    span = Span.HOUR.value
    starts_at = factory.LazyFunction(lambda: hour_of(timezone.now()))
    caller_kind = "api_key"
    caller_id = factory.LazyFunction(uuid4)
    environment = Environment.STAGING.value
    runs = 3
    last_at = factory.LazyFunction(timezone.now)


class RunsCountedFactory(DjangoModelFactory):
    """Runs are counted until the present hour."""

    class Meta:
        model = RunsCounted

    organization = factory.SubFactory(OrganizationFactory)
    until = factory.LazyFunction(lambda: hour_of(timezone.now()))


class IntegrationStateFactory(DjangoModelFactory):
    """An integration that works in staging."""

    class Meta:
        model = IntegrationState

    class Params:
        failed = factory.Trait(failing=True, error_code="upstream_timeout")

    integration = factory.SubFactory(IntegrationFactory)
    organization = factory.SelfAttribute("integration.organization")
    environment = Environment.STAGING.value
    failing = False
    run_id = factory.LazyFunction(uuid4)
    seen_at = since = factory.LazyFunction(timezone.now)


class HiddenFirstStepsFactory(DjangoModelFactory):
    """An organization whose people have seen enough of the first steps."""

    class Meta:
        model = HiddenFirstSteps

    organization = factory.SubFactory(OrganizationFactory)
