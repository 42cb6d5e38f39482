"""The records of runs."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from coffer.answers import Run, RunDetails
from coffer.asynchronous.connection import AsyncConnection
from coffer.exchange import Request


class AsyncRuns:
    """The records of runs: never a body."""

    def __init__(self, client: AsyncConnection) -> None:
        self._client = client

    def list(self, **filters: Any) -> AsyncIterator[Run]:
        """Return the runs, newest first. The filters are those of `GET /runs`."""
        return self._client.pages("/runs", filters)

    async def get(self, run_id: str | UUID) -> RunDetails:
        """Return one run with its steps."""
        return await self._client.send(Request("GET", f"/runs/{run_id}"))
