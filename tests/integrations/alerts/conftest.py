"""Endpoints with a receiver on loopback, and a clock that tests move."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from integrations.alerts import background
from integrations.alerts.choices import EndpointFields
from integrations.alerts.endpoints import create_endpoint
from integrations.models import EndpointKind
from tests.support import receivers


class Clock:
    """The time, which only `pass_by` moves on."""

    def __init__(self):
        self.now = timezone.now()

    def __call__(self):
        return self.now

    def pass_by(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def receiver():
    with receivers.receiver() as found:
        yield found


@pytest.fixture
def endpoint_of(receiver):
    """Creates an endpoint: `endpoint_of(actor, "secret.created", …)`; the endpoint and its signing secret."""

    def create(actor, *events, kind=EndpointKind.WEBHOOK, **fields):
        address = fields.pop("address", "" if kind is EndpointKind.EMAIL else receiver.url)
        chosen = EndpointFields(kind=kind, address=address, events=events, **fields)
        return create_endpoint(actor=actor, fields=chosen)

    return create


@pytest.fixture
def step(clock, monkeypatch):
    """One step of dispatch and delivery, inside the test's own transaction."""

    async def at_once(job, *args, **kwargs):
        return await sync_to_async(job)(*args, **kwargs)

    monkeypatch.setattr(background, "in_database", at_once)
    return lambda **options: async_to_sync(background.step)(clock, **options)


@pytest.fixture
def until_done(step):
    """Steps until nothing is due."""

    def work():
        steps = 0
        while step():
            steps += 1
            assert steps < 200
        return steps

    return work
