"""Calls of tools under way: what those who wait for one are told, and how one is cancelled."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

Result = TypeVar("Result")

PROGRESS_EVERY = 3.0
"""Seconds between two notifications of progress."""


class CallCancelled(Exception):  # noqa: N818 - an outcome, not an error
    """The agent cancelled the call."""


@dataclass(frozen=True, slots=True)
class CallId:
    """What names a call in a cancellation: requests are numbered by each client for itself."""

    key: UUID | None
    session: str
    request: str | int


_UNDER_WAY: dict[CallId, asyncio.Task[Any]] = {}
"""The calls of this process that can be cancelled with a notification. Another process's calls are not found."""


def cancel(call: CallId) -> None:
    """Cancel a call. One that is unknown, or done, is left alone."""
    if task := _UNDER_WAY.get(call):
        task.cancel()


async def finished(
    work: Coroutine[Any, Any, Result], call: CallId | None, tell: Callable[[float], Awaitable[None]] | None
) -> Result:
    """Do the work and return its result. If the caller is cancelled meanwhile, so is the work.

    Args:
        call: names the work for `cancel`.
        tell: is called with the seconds so far, every `PROGRESS_EVERY` seconds.

    Raises:
        CallCancelled: the work was cancelled with `cancel`.
    """
    if call is None and tell is None:
        return await work
    task, started = asyncio.create_task(work), time.monotonic()
    if call:
        _UNDER_WAY[call] = task
    try:
        while not (await asyncio.wait({task}, timeout=PROGRESS_EVERY if tell else None))[0]:
            if tell:
                await tell(time.monotonic() - started)
    finally:
        task.cancel()  # does nothing to a task that is done
        if call and _UNDER_WAY.get(call) is task:
            del _UNDER_WAY[call]
    if task.cancelled():
        raise CallCancelled
    return task.result()
