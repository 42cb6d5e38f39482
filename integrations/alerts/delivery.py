"""From the queue of an endpoint to its receiver: in order, at least once, one at a time for each endpoint.

A step has three parts. `claim` takes the first waiting event of endpoints that are due, in a transaction; `send` makes
the requests, outside of any; `settle` records what came of each. A process that dies in between leaves a claim that
ends by itself, and the event is sent again. Claimed rows are locked only while they are claimed, so several processes
share the work.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.actors import actor_for_command
from accounts.audit import trail
from accounts.errors import Refusal
from accounts.mail import outbox
from integrations.alerts import messages, requests
from integrations.egress.configuration import policy, ssl_context
from integrations.exchange.messages import OutgoingRequest
from integrations.models import AlertEndpoint, Delivery, DeliveryState, DeliveryTry, EndpointKind, Pause
from integrations.transport import client
from secrets_app.sealing.keyring import CannotOpen

AT_ONCE = 8
"""Endpoints that one process delivers to at the same time."""
CLAIMED = timedelta(seconds=60)
"""How long a claim lasts: more than a request takes."""
MAILED_AT_ONCE = 200
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 300, 900, 1800, 3600, 7200, 14_400))
"""How long an endpoint rests after each failure in a row; the last one repeats."""
LONGEST = timedelta(hours=24)
"""An endpoint that has failed for so long is paused."""
STATUS, UNREADABLE = "status", "secret_unreadable"
GONE = 410
ALERTS, PAUSED = "alerts", "deliveries paused"
MAILS = (ALERTS, PAUSED)
"""What the mails are about that are sent from here."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed delivery with its request; without one there is nothing that could be sent."""

    delivery_id: UUID
    endpoint_id: UUID
    claim: datetime
    request: OutgoingRequest | None


@dataclass(frozen=True, slots=True)
class TryResult:
    """What came of a request: a status, or the code of the reason for none."""

    status: int | None
    code: str
    duration_ms: int


def claim(now: datetime) -> list[Outgoing]:
    """Claim the first waiting event of each endpoint that is due. Mail is put into the outbox of mail at once."""
    if not _due(now).exists():  # SQLite has one writer at a time: a transaction only where there is something
        return []
    with transaction.atomic():
        free = _due(now).select_for_update(skip_locked=True, of=("self",)).order_by("next_try_at", "pk")
        endpoints = list(free.select_related(*requests.NEEDED)[:AT_ONCE])
        claimed = []
        for endpoint in endpoints:
            if endpoint.kind == EndpointKind.EMAIL:
                _mail(endpoint, now)
            else:
                claimed.append(_claim(endpoint, now))
    return claimed


def _due(now: datetime) -> "models.QuerySet[AlertEndpoint]":
    waits = Delivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING.value)
    is_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return AlertEndpoint.objects.filter(Exists(waits), is_time, is_free, paused=Pause.NONE.value)


def next_waiting(endpoint: AlertEndpoint) -> "models.QuerySet[Delivery]":
    """Return what waits for an endpoint, in order."""
    return Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING.value).order_by("number")


def _claim(endpoint: AlertEndpoint, now: datetime) -> Outgoing:
    delivery = next_waiting(endpoint)[0]
    endpoint.claimed_until = now + CLAIMED
    endpoint.save(update_fields=["claimed_until"])
    request = None
    try:
        request = requests.of(endpoint, delivery, now)
    except CannotOpen:
        logger.warning("A sealed text of the alert endpoint %s does not open.", endpoint.pk)
    except Exception as fault:  # one bad event must not keep the others back
        logger.error("The request of the delivery %s failed with %s.", delivery.pk, type(fault).__name__)  # noqa: TRY400
    return Outgoing(delivery.pk, endpoint.pk, endpoint.claimed_until, request)


async def send_all(claimed: Sequence[Outgoing]) -> list[TryResult]:
    """Send the requests at the same time."""
    return list(await asyncio.gather(*(_send(outgoing) for outgoing in claimed)))


async def _send(outgoing: Outgoing, clock: Callable[[], float] = time.monotonic) -> TryResult:
    if outgoing.request is None:
        return TryResult(None, UNREADABLE, 0)
    began = clock()
    try:
        response = await client.send(outgoing.request, policy(), ssl_context=ssl_context())
    except Refusal as refusal:
        return TryResult(None, refusal.code, _milliseconds(clock() - began))
    is_taken = response.status is not None and response.is_success
    return TryResult(response.status, "" if is_taken else STATUS, _milliseconds(clock() - began))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def settle(claimed: Sequence[Outgoing], answers: Sequence[TryResult], now: datetime) -> None:
    """Record what came of each request: delivered, or when it is tried again, or that the endpoint is paused."""
    for outgoing, answer in zip(claimed, answers, strict=True):
        with transaction.atomic():
            _settle(outgoing, answer, now)


def _settle(outgoing: Outgoing, answer: TryResult, now: datetime) -> None:
    locked = AlertEndpoint.objects.select_related("organization").select_for_update(of=("self",))
    endpoint = locked.filter(pk=outgoing.endpoint_id).first()
    delivery = Delivery.objects.filter(pk=outgoing.delivery_id).first()
    if endpoint is None or delivery is None:
        return
    DeliveryTry.objects.create(
        delivery=delivery, at=now, status=answer.status, code=answer.code, duration_ms=answer.duration_ms
    )
    if endpoint.claimed_until == outgoing.claim:
        endpoint.claimed_until = None
    if answer.code:
        _note_failure(endpoint, answer, now)
    else:
        _note_success(endpoint)
        _mark_delivered([delivery], now)
    endpoint.save(update_fields=["claimed_until", "failures", "failing_since", "problem", "next_try_at", "paused"])


def _note_success(endpoint: AlertEndpoint) -> None:
    endpoint.failures, endpoint.failing_since, endpoint.problem, endpoint.next_try_at = 0, None, "", None


def _note_failure(endpoint: AlertEndpoint, answer: TryResult, now: datetime) -> None:
    """Let the endpoint rest; after a day of failures, or when it says that it is gone, pause it and tell the owners."""
    endpoint.failing_since = since = endpoint.failing_since or now
    endpoint.problem = str(answer.status) if answer.code == STATUS else answer.code
    wait = WAITS[min(endpoint.failures, len(WAITS) - 1)]
    endpoint.failures += 1
    endpoint.next_try_at = min(now + wait, max(now, since + LONGEST))
    if now - since >= LONGEST or answer.status == GONE:
        endpoint.paused = (Pause.GONE if answer.status == GONE else Pause.FAILURES).value
        endpoint.next_try_at = None
        actor = actor_for_command(endpoint.organization, "deliver_alerts")
        trail.record(trail.Event.ENDPOINT_PAUSED, actor=actor, target=endpoint, code=endpoint.problem)
        outbox.wait(messages.paused(endpoint), about=PAUSED)


def _mail(endpoint: AlertEndpoint, now: datetime) -> None:
    """Put what waits into one mail for each recipient. From then on it waits for the mail server like other mail."""
    deliveries = list(next_waiting(endpoint)[:MAILED_AT_ONCE])
    outbox.wait(messages.mails(endpoint, deliveries), about=ALERTS)
    DeliveryTry.objects.bulk_create(
        DeliveryTry(delivery=delivery, at=now, status=None, code="", duration_ms=0) for delivery in deliveries
    )
    _mark_delivered(deliveries, now)
    endpoint.next_try_at = None
    endpoint.save(update_fields=["next_try_at"])


def _mark_delivered(deliveries: Sequence[Delivery], now: datetime) -> None:
    ids = [delivery.pk for delivery in deliveries]
    waiting = Delivery.objects.filter(pk__in=ids, state=DeliveryState.WAITING.value)
    waiting.update(state=DeliveryState.DELIVERED.value, delivered_at=now)
