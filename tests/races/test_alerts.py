"""Deliveries by several processes, and by ones that are killed: nothing is lost, nothing comes out of order."""

import asyncio
from collections import Counter

import pytest
from django.utils import timezone

from integrations.alerts import background, delivery, dispatch
from integrations.alerts.choices import EndpointFields
from integrations.alerts.endpoints import create_endpoint
from integrations.models import AlertEndpoint, Delivery, DeliveryTry, EndpointKind
from tests.support.crashes import child
from tests.support.receivers import receiver
from tests.support.things import store_secret

NAMES = [f"service{number}.key" for number in range(12)]


@pytest.fixture
def hook(owner):
    with receiver() as found:
        fields = EndpointFields(EndpointKind.WEBHOOK, address=found.url, events=["secret.created"])
        _, found.secret = create_endpoint(actor=owner, fields=fields)
        yield found


def deliver_one():
    dispatch.dispatch_all()
    claimed = delivery.claim(timezone.now())
    delivery.settle(claimed, asyncio.run(delivery.send_all(claimed)), timezone.now())


def names(found):
    return [event["data"]["secret"]["name"] for event in found.verified(found.secret)]


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_commit_nothing_is_lost_and_the_order_holds(owner, hook):
    """After the act, after the dispatch, after the claim, before and after the record of what was sent."""
    for number, (kill, at) in enumerate([("after", 1), ("after", 2), ("before", 3), ("after", 3)]):
        store_secret(owner, NAMES[number])
        assert child(deliver_one, kill=kill, at=at) == -9
        AlertEndpoint.objects.update(claimed_until=timezone.now())  # as if the claim's minute had passed
    background.deliver_now()
    told = names(hook)
    assert list(dict.fromkeys(told)) == NAMES[:4]
    assert max(Counter(told).values()) <= 2  # at least once, and no more often than somebody died
    assert not Delivery.objects.filter(state="waiting").exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_processes_share_the_work_and_each_event_is_sent_once(owner, hook, together):
    for name in NAMES:
        store_secret(owner, name)

    def work():
        while Delivery.objects.count() < len(NAMES) or Delivery.objects.filter(state="waiting").exists():
            deliver_one()

    assert together(work, work, work) == [None] * 3
    assert names(hook) == NAMES
    assert DeliveryTry.objects.count() == len(NAMES)
