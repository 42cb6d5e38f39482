"""Dispatch and delivery beside the server's work, and in one go for a command.

Each process of a server runs `deliver_forever`; they share the endpoints (`delivery.claim`).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from asgiref.sync import async_to_sync
from django.db import Error
from django.utils import timezone

from accounts.common.database import in_database
from accounts.errors import Refusal
from accounts.people import mail_again
from integrations.alerts import delivery, dispatch
from integrations.models import AlertEndpoint

IDLE_SECONDS, BETWEEN_SECONDS = 2.0, 0.1
"""How long the task rests when there was nothing, and otherwise: ten tries a second for each endpoint at most."""
SWEEP_SECONDS = 300.0
"""How often it looks for secrets that went missing."""
STEPS_AT_MOST = 10_000
"""Steps of one command."""

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


async def deliver_forever() -> None:
    """Dispatch and deliver until the task is cancelled. What goes wrong with the database is tried again."""
    swept = time.monotonic()
    while True:
        is_due = time.monotonic() - swept >= SWEEP_SECONDS
        swept = time.monotonic() if is_due else swept
        try:
            busy = await step(sweep=is_due)
        except (Error, OSError, Refusal):
            busy = False
        except Exception as fault:  # one bad event must not end the task; the text of an exception might quote it
            logger.error("Delivering alerts failed with %s.", type(fault).__name__)  # noqa: TRY400
            busy = False
        await asyncio.sleep(BETWEEN_SECONDS if busy else IDLE_SECONDS)


async def step(clock: Clock = timezone.now, *, sweep: bool = False) -> bool:
    """Dispatch what is new, then make one try for each endpoint that is due. Returns whether there was something."""
    if not await in_database(AlertEndpoint.objects.exists):
        return False
    dispatched = await in_database(dispatch.dispatch_all, clock(), sweep=sweep)
    claimed = await in_database(delivery.claim, clock())
    if claimed:
        answers = await delivery.send_all(claimed)
        await in_database(delivery.settle, claimed, answers, clock())
    sent = await in_database(mail_again.send_due, about=delivery.MAILS)
    return bool(dispatched or claimed or sent.sent)


def deliver_now(clock: Clock = timezone.now) -> int:
    """Dispatch and deliver until nothing is due, for a command. Returns the number of steps that had something."""
    steps = 0
    while steps < STEPS_AT_MOST and async_to_sync(step)(clock, sweep=not steps):
        steps += 1
    return steps
