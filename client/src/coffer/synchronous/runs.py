"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from coffer.answers import Run, RunDetails
from coffer.errors import Unreachable
from coffer.exchange import Request
from coffer.synchronous.connection import Connection
from coffer.synchronous.streams import StreamedAnswer


class Runs:
    """Runs whose answer is taken while it arrives, and the records of all runs: never a body."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def list(self, **filters: Any) -> Iterator[Run]:
        """Return the runs, newest first. The filters are those of `GET /runs`."""
        return self._client.pages("/runs", filters)

    def get(self, run_id: str | UUID) -> RunDetails:
        """Return one run with its steps."""
        return self._client.send(Request("GET", f"/runs/{run_id}"))

    @contextmanager
    def stream(
        self,
        name_or_id: str | UUID,
        environment: str,
        params: Mapping[str, Any] | None = None,
        operation: str | None = None,
    ) -> Iterator[StreamedAnswer]:
        """Run an operation of an integration and take its masked answer while it arrives.

        Use it as a context manager; leaving it ends the call. A stream is not repeated, and waits for no person.

        Raises:
            ApiError: Coffer refused the call, or it failed before its answer began.
            Unreachable: Coffer did not answer.
        """
        integration = self._client.id_of("integrations", name_or_id)
        wanted = {"environment": environment, "operation": operation, "params": params or {}, "stream": True}
        call = Request("POST", f"/integrations/{integration}/run", body=wanted)
        with self._client.events(call) as events:
            for name, head in events:
                if name == "answer":
                    yield StreamedAnswer(head, events)
                    return
            raise Unreachable("The answer was cut off before it began. Look at the record of the run.")
