"""Integrations, running them, and calls that people have to approve."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from coffer.answers import Check, HeldCall, Integration, Operation, RunResult
from coffer.asynchronous.connection import AsyncConnection
from coffer.errors import ApprovalNeeded
from coffer.exchange import Request, segment

LONGEST_LOOK = 60
"""Seconds for which one call waits for a decision."""


class AsyncApprovals:
    """Calls of this key that had to be approved. Only people decide, on their pages."""

    def __init__(self, client: AsyncConnection) -> None:
        self._client = client

    def list(self, state: str | None = None) -> AsyncIterator[HeldCall]:
        """Return the approvals, newest first; `state` is `waiting` or `decided`."""
        return self._client.pages("/approvals", {"state": state})

    async def get(self, approval_id: str | UUID, wait: int = 0) -> HeldCall:
        """Return one approval; with `wait`, once there is a decision, or after so many seconds, 60 at most."""
        return await self._client.send(Request("GET", f"/approvals/{approval_id}", {"wait": wait or None}))

    async def decided(self, approval_id: str | UUID) -> HeldCall:
        """Return one approval once there is a decision, or nobody has decided in time."""
        found = await self.get(approval_id, wait=LONGEST_LOOK)
        while found["state"] == "waiting":
            await asyncio.sleep(1)  # Coffer answers at once where too many wait
            found = await self.get(approval_id, wait=LONGEST_LOOK)
        return found


class AsyncIntegrations:
    """The integrations, and running them."""

    def __init__(self, client: AsyncConnection) -> None:
        self._client = client

    def list(self, **filters: Any) -> AsyncIterator[Integration]:
        """Return the integrations by name. The filters are those of `GET /integrations`."""
        return self._client.pages("/integrations", filters)

    async def get(self, name: str) -> Integration:
        """Return one integration."""
        return await self._client.send(Request("GET", f"/integrations/by-name/{segment(name)}"))

    async def put(self, name: str, **declared: Any) -> Integration:
        """Create the integration, or bring it to what is declared."""
        request = Request("PUT", f"/integrations/by-name/{segment(name)}", body=declared)
        return await self._client.send(request)

    async def create(self, kind: str, name: str, config: Mapping[str, Any], **fields: Any) -> Integration:
        """Create an integration. The fields are those of `POST /integrations`."""
        body = {"kind": kind, "name": name, "config": config, **fields}
        return await self._client.send(Request("POST", "/integrations", body=body, once=True))

    async def update(self, name_or_id: str | UUID, **changes: Any) -> Integration:
        """Change the given fields; `config` is replaced whole."""
        path = await self._path(name_or_id)
        return await self._client.send(Request("PATCH", path, body=changes))

    async def delete(self, name_or_id: str | UUID) -> None:
        """Delete an integration that no other builds on."""
        await self._client.send(Request("DELETE", await self._path(name_or_id)))

    async def operations(self, name_or_id: str | UUID) -> Sequence[Operation]:
        """Return the operations, with their parameters as JSON Schema."""
        answer = await self._client.send(Request("GET", f"{await self._path(name_or_id)}/operations"))
        return answer["items"]

    async def test(self, name_or_id: str | UUID, environment: str) -> Check:
        """Make the harmless check."""
        request = Request("POST", f"{await self._path(name_or_id)}/test", body={"environment": environment})
        return await self._client.send(request)

    async def run(
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
        path = f"{await self._path(name_or_id)}/run"
        try:
            return await self._client.send(Request("POST", path, body=body, once=True))
        except ApprovalNeeded as needed:
            if not wait:
                raise
            found = needed.approval["id"]
        await AsyncApprovals(self._client).decided(found)
        return await self._client.send(Request("POST", path, body={**body, "approval": found}, once=True))

    async def _path(self, name_or_id: str | UUID) -> str:
        return f"/integrations/{await self._client.id_of('integrations', name_or_id)}"
