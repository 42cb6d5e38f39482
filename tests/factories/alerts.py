"""Who is told of what, and the deliveries."""

from uuid import uuid4

import factory
from django.utils import timezone

from integrations.models import AlertEndpoint, Delivery, DeliveryTry, EndpointKind, Watch
from tests.factories.accounts import OrganizationFactory
from tests.factories.secrets_app import SealedTextFactory

DjangoModelFactory = factory.django.DjangoModelFactory


class AlertEndpointFactory(DjangoModelFactory):
    """A webhook with its signing secret."""

    class Meta:
        model = AlertEndpoint

    class Params:
        paused_by_failures = factory.Trait(paused="failures")
        slack = factory.Trait(
            kind=EndpointKind.SLACK.value,
            url="",
            host="hooks.slack.com",
            signing=None,
            address=factory.SubFactory(
                SealedTextFactory,
                organization=factory.SelfAttribute("..organization"),
                purpose="address",
                owner_id=factory.SelfAttribute("..id"),
                text="https://hooks.slack.com/services/T0/B0/x",
            ),
        )
        email = factory.Trait(kind=EndpointKind.EMAIL.value, url="", host="", signing=None)

    id = factory.LazyFunction(uuid4)
    organization = factory.SubFactory(OrganizationFactory)
    kind = EndpointKind.WEBHOOK.value
    name = "hooks.example.com/coffer"
    url = "https://hooks.example.com/coffer"
    host = "hooks.example.com"
    events = factory.LazyFunction(lambda: ["secret.created"])
    signing = factory.SubFactory(
        SealedTextFactory, organization=factory.SelfAttribute("..organization"), owner_id=factory.SelfAttribute("..id")
    )
    created_by = "Mara Lindqvist"


class DeliveryFactory(DjangoModelFactory):
    """An event that waits."""

    class Meta:
        model = Delivery

    class Params:
        delivered = factory.Trait(state="delivered", delivered_at=factory.LazyFunction(timezone.now))
        batch = factory.Trait(type="audit", body="", first=1, last=200)

    endpoint = factory.SubFactory(AlertEndpointFactory)
    number = factory.Sequence(lambda n: n + 1)
    event_id = factory.Sequence(lambda n: f"evt_{n:032x}")
    type = "secret.created"
    about = "crm.apiKey"
    body = '{"type":"secret.created","data":{"link":"https://coffer.example.com/"}}'
    created_at = factory.LazyFunction(timezone.now)


class DeliveryTryFactory(DjangoModelFactory):
    """A try that the receiver took."""

    class Meta:
        model = DeliveryTry

    class Params:
        failed = factory.Trait(status=503, code="status")

    delivery = factory.SubFactory(DeliveryFactory)
    at = factory.LazyFunction(timezone.now)
    status = 200
    duration_ms = 88


class WatchFactory(DjangoModelFactory):
    """An integration that fails, of which nobody has been told yet."""

    class Meta:
        model = Watch

    endpoint = factory.SubFactory(AlertEndpointFactory)
    subject = factory.Sequence(lambda n: f"integration:{n}:production")
    state = "integration.failing"
    since = factory.LazyFunction(timezone.now)
    data = factory.LazyFunction(lambda: {"integration": {"id": str(uuid4()), "name": "Log call"}})
