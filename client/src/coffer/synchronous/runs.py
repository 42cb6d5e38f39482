"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from coffer.answers import Run, RunDetails
from coffer.exchange import Request
from coffer.synchronous.connection import Connection


class Runs:
    """The records of runs: never a body."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def list(self, **filters: Any) -> Iterator[Run]:
        """Return the runs, newest first. The filters are those of `GET /runs`."""
        return self._client.pages("/runs", filters)

    def get(self, run_id: str | UUID) -> RunDetails:
        """Return one run with its steps."""
        return self._client.send(Request("GET", f"/runs/{run_id}"))
