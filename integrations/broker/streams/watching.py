"""Looking again and again whether a run that takes long was stopped, also by another process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from django.db import Error

from accounts.errors import Refusal
from integrations.broker.ends import AGAIN
from integrations.broker.preparation import Admitted

LOOK_EVERY = 3.0
"""Seconds between two looks. What this process stops itself ends at once (`ConcurrentCalls.stoppable`)."""


@asynccontextmanager
async def watched(admitted: Admitted) -> AsyncIterator[None]:
    """Break the block off once the run is stopped.

    Raises:
        Refusal: as the end of the run would, if it was stopped.
    """
    refusals: list[Refusal] = []
    try:
        async with asyncio.timeout(None) as life:
            looking = asyncio.create_task(_look(admitted, life, refusals))
            try:
                yield
            finally:
                looking.cancel()
    except TimeoutError:
        if not life.expired() or not refusals:
            raise
        raise refusals[0] from None


async def _look(admitted: Admitted, life: asyncio.Timeout, refusals: list[Refusal]) -> None:
    while not refusals:
        await asyncio.sleep(LOOK_EVERY)
        try:
            with suppress(Error):  # nobody can say now; the end of the run is recorded or breaks it off
                await AGAIN.ask(admitted)
        except Refusal as refusal:
            refusals.append(refusal)
    life.reschedule(asyncio.get_running_loop().time())
