"""Runs whose answer is taken while it arrives, and the records of all runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from coffer.answers import Run, RunDetails
from coffer.asynchronous.connection import AsyncConnection
from coffer.asynchronous.streams import AsyncStreamedAnswer
from coffer.errors import Unreachable
from coffer.exchange import Request


class AsyncRuns:
    """Runs whose answer is taken while it arrives, and the records of all runs: never a body."""

    def __init__(self, client: AsyncConnection) -> None:
        self._client = client

    def list(self, **filters: Any) -> AsyncIterator[Run]:
        """Return the runs, newest first. The filters are those of `GET /runs`."""
        return self._client.pages("/runs", filters)

    async def get(self, run_id: str | UUID) -> RunDetails:
        """Return one run with its steps."""
        return await self._client.send(Request("GET", f"/runs/{run_id}"))

    @asynccontextmanager
    async def stream(
        self,
        name_or_id: str | UUID,
        environment: str,
        params: Mapping[str, Any] | None = None,
        operation: str | None = None,
    ) -> AsyncIterator[AsyncStreamedAnswer]:
        """Run an operation of an integration and take its masked answer while it arrives.

        Use it as a context manager; leaving it ends the call. A stream is not repeated, and waits for no person.

        Raises:
            ApiError: Coffer refused the call, or it failed before its answer began.
            Unreachable: Coffer did not answer.
        """
        integration = await self._client.id_of("integrations", name_or_id)
        wanted = {"environment": environment, "operation": operation, "params": params or {}, "stream": True}
        call = Request("POST", f"/integrations/{integration}/run", body=wanted)
        async with self._client.events(call) as events:
            async for name, head in events:
                if name == "answer":
                    yield AsyncStreamedAnswer(head, events)
                    return
            raise Unreachable("The answer was cut off before it began. Look at the record of the run.")
