"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from coffer.answers import Check, HeldCall, Integration, Operation, RunResult
from coffer.errors import ApprovalNeeded
from coffer.exchange import Request, segment
from coffer.synchronous.connection import Connection

LONGEST_LOOK = 60
"""Seconds for which one call waits for a decision."""


class Approvals:
    """Calls of this key that had to be approved. Only people decide, on their pages."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def list(self, state: str | None = None) -> Iterator[HeldCall]:
        """Return the approvals, newest first; `state` is `waiting` or `decided`."""
        return self._client.pages("/approvals", {"state": state})

    def get(self, approval_id: str | UUID, wait: int = 0) -> HeldCall:
        """Return one approval; with `wait`, once there is a decision, or after so many seconds, 60 at most."""
        return self._client.send(Request("GET", f"/approvals/{approval_id}", {"wait": wait or None}))

    def decided(self, approval_id: str | UUID) -> HeldCall:
        """Return one approval once there is a decision, or nobody has decided in time."""
        found = self.get(approval_id, wait=LONGEST_LOOK)
        while found["state"] == "waiting":
            time.sleep(1)  # Coffer answers at once where too many wait
            found = self.get(approval_id, wait=LONGEST_LOOK)
        return found


class Integrations:
    """The integrations, and running them."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def list(self, **filters: Any) -> Iterator[Integration]:
        """Return the integrations by name. The filters are those of `GET /integrations`."""
        return self._client.pages("/integrations", filters)

    def get(self, name: str) -> Integration:
        """Return one integration."""
        return self._client.send(Request("GET", f"/integrations/by-name/{segment(name)}"))

    def put(self, name: str, **declared: Any) -> Integration:
        """Create the integration, or bring it to what is declared."""
        request = Request("PUT", f"/integrations/by-name/{segment(name)}", body=declared)
        return self._client.send(request)

    def create(self, kind: str, name: str, config: Mapping[str, Any], **fields: Any) -> Integration:
        """Create an integration. The fields are those of `POST /integrations`."""
        body = {"kind": kind, "name": name, "config": config, **fields}
        return self._client.send(Request("POST", "/integrations", body=body, once=True))

    def update(self, name_or_id: str | UUID, **changes: Any) -> Integration:
        """Change the given fields; `config` is replaced whole."""
        path = self._path(name_or_id)
        return self._client.send(Request("PATCH", path, body=changes))

    def delete(self, name_or_id: str | UUID) -> None:
        """Delete an integration that no other builds on."""
        self._client.send(Request("DELETE", self._path(name_or_id)))

    def operations(self, name_or_id: str | UUID) -> Sequence[Operation]:
        """Return the operations, with their parameters as JSON Schema."""
        answer = self._client.send(Request("GET", f"{self._path(name_or_id)}/operations"))
        return answer["items"]

    def test(self, name_or_id: str | UUID, environment: str) -> Check:
        """Make the harmless check."""
        request = Request("POST", f"{self._path(name_or_id)}/test", body={"environment": environment})
        return self._client.send(request)

    def run(
        self,
        name_or_id: str | UUID,
        environment: str,
        params: Mapping[str, Any] | None = None,
        operation: str | None = None,
        *,
        reason: str = "",
        wait: bool = False,
    ) -> RunResult:
        """Run an operation and return the upstream's masked answer. An id saves the call that looks up a name.

        Args:
            reason: why, for the person who may have to approve the call.
            wait: whether to wait for that person, until the approval expires, and then make the call.

        Raises:
            ApprovalNeeded: a person has to approve the call. Make it again once that has happened.
            ApiError: the run was refused or failed; `run_id` names its record.
        """
        body = {"environment": environment, "params": params or {}, "operation": operation, "reason": reason}
        path = f"{self._path(name_or_id)}/run"
        try:
            return self._client.send(Request("POST", path, body=body, once=True))
        except ApprovalNeeded as needed:
            if not wait:
                raise
            found = needed.approval["id"]
        Approvals(self._client).decided(found)
        return self._client.send(Request("POST", path, body={**body, "approval": found}, once=True))

    def _path(self, name_or_id: str | UUID) -> str:
        return f"/integrations/{self._client.id_of('integrations', name_or_id)}"
