"""A server delivers beside its work, and goes on after a fault."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import DatabaseError, connections

from accounts.models import Organization
from integrations.alerts import background, dispatch, retention
from integrations.alerts.choices import EndpointFields
from integrations.alerts.endpoints import create_endpoint, send_test
from integrations.models import AlertEndpoint, Delivery, EndpointKind
from tests.factories import DeliveryFactory, OccurrenceFactory
from tests.support.things import store_secret


@pytest.fixture
def hook(owner, receiver):
    fields = EndpointFields(EndpointKind.WEBHOOK, address=receiver.url, events=["secret.created"])
    return create_endpoint(actor=owner, fields=fields)[0]


@pytest.mark.django_db(transaction=True)
async def test_server_delivers_by_itself_and_survives_a_fault(transactional_db, owner, hook, receiver, monkeypatch):
    failing, real = [DatabaseError, RuntimeError], dispatch.dispatch_all

    def at_first_broken(*args, **kwargs):
        if failing:
            raise failing.pop()("a name that must not be logged")
        return real(*args, **kwargs)

    monkeypatch.setattr(background, "IDLE_SECONDS", 0.02)
    monkeypatch.setattr(dispatch, "dispatch_all", at_first_broken)
    await sync_to_async(store_secret)(owner)
    task = asyncio.create_task(background.deliver_forever())
    async with asyncio.timeout(20):
        while not receiver.got:
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [event["type"] for event in receiver.events] == ["secret.created"]
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db(transaction=True)
def test_command_delivers_what_is_due(owner, hook, receiver, capsys):
    for _ in range(3):
        send_test(actor=owner, endpoint_id=hook.pk)
    call_command("deliver_alerts")
    assert "deliver: " in capsys.readouterr().out
    assert len(receiver.got) == 3


@pytest.mark.django_db
def test_what_is_old_is_forgotten(owner, hook, clock):
    kept, old = DeliveryFactory(endpoint=hook), DeliveryFactory(endpoint=hook, delivered=True)
    lost = DeliveryFactory(endpoint=hook)
    batch = DeliveryFactory(endpoint=hook, batch=True)
    clock.pass_by(days=-8)
    Delivery.objects.filter(pk__in=[kept.pk, old.pk]).update(created_at=clock.now)
    clock.pass_by(days=-31)
    Delivery.objects.filter(pk__in=[lost.pk, batch.pk]).update(created_at=clock.now)
    taken = OccurrenceFactory(organization=Organization.objects.get(pk=owner.organization.pk), taken=True)
    type(taken).objects.update(created_at=clock.now)
    assert retention.forget_old() == 2
    assert set(Delivery.objects.values_list("pk", flat=True)) == {kept.pk, batch.pk}
    assert not type(taken).objects.exists()


@pytest.mark.django_db
def test_nothing_is_asked_where_there_is_no_endpoint(step, django_assert_num_queries):
    AlertEndpoint.objects.all().delete()
    with django_assert_num_queries(1):
        assert step() is False
