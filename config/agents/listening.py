"""Telling agents that their tools may have changed (2026-07-28, "Subscriptions").

An agent that listens holds a stream open. One task of the process looks at the stamps of the tools, with two queries
for all streams; a stream whose key is no longer in force ends, and each ends after a while: its client listens again.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import Error
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp_types import SubscriptionFilter, SubscriptionsListenRequestParams, SubscriptionsListenResult

from accounts.access.callers import keys_in_force
from accounts.actors import Actor
from accounts.common.database import in_database
from accounts.errors import RateLimited
from integrations.tools.tool_pages import stamps_of

LOOK_EVERY = 2.0
LONGEST = 600.0
"""Seconds after which a stream ends."""
MOST_OF_A_KEY, MOST = 4, 1_000
"""Streams at once, in each process."""

TOO_MANY = (
    "Too many streams listen for changes of tools. Close one, or list the tools again when the list is no longer fresh."
)


@dataclass(eq=False)
class _Listener:
    """A stream of one agent: the stamp that it knows, and when it ends, by `time.monotonic`."""

    actor: Actor
    stamp: int
    until: float
    bus: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus)

    def __post_init__(self) -> None:
        self.handler = ListenHandler(self.bus, max_subscriptions=1, max_buffered_events=16)


class ToolWatch:
    """The streams of one event loop, and the task that looks for changes while there are any."""

    def __init__(self) -> None:
        self._streams: set[_Listener] = set()
        self._task: asyncio.Task[None] | None = None

    async def listen(
        self, actor: Actor, context: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream until its client or Coffer ends it. Only changes of tools are told.

        Raises:
            RateLimited: there are too many streams.
        """
        if len(self._streams) >= MOST or sum(each.actor.id == actor.id for each in self._streams) >= MOST_OF_A_KEY:
            raise RateLimited(TOO_MANY)
        organization = actor.organization.pk
        stamps = await in_database(stamps_of, [organization])
        stream = _Listener(actor, stamps.get(organization, 0), time.monotonic() + LONGEST)
        told = SubscriptionFilter(tools_list_changed=params.notifications.tools_list_changed)
        with self._watched(stream):
            return await stream.handler(context, params.model_copy(update={"notifications": told}))

    @contextmanager
    def _watched(self, stream: _Listener) -> Iterator[None]:
        self._streams.add(stream)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._streams.discard(stream)

    async def _watch(self) -> None:
        while self._streams:
            await asyncio.sleep(LOOK_EVERY)
            with suppress(Error):  # a database that is away says nothing of tools
                await self._look()

    async def _look(self) -> None:
        streams = list(self._streams)
        stamps, keys = await in_database(_seen, {stream.actor for stream in streams})
        for stream in streams:
            stamp = stamps.get(stream.actor.organization.pk, 0)
            if stream.actor.id not in keys or time.monotonic() >= stream.until:
                stream.handler.close()
            elif stamp != stream.stamp:
                stream.stamp = stamp
                await stream.bus.publish(ToolsListChanged())


def _seen(actors: set[Actor]) -> tuple[dict[UUID, int], set[UUID]]:
    """Return the stamps of the actors' organizations, and which of their keys are in force."""
    ids = {actor.id for actor in actors if actor.id}
    return stamps_of({actor.organization.pk for actor in actors}), keys_in_force(ids)
