"""Secrets, and the rotation of their values."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from coffer.answers import Secret, StagedResults
from coffer.asynchronous.connection import AsyncConnection
from coffer.exchange import Request, segment


class AsyncSecrets:
    """The secrets: everything but their values."""

    def __init__(self, client: AsyncConnection) -> None:
        self._client = client

    def list(self, **filters: Any) -> AsyncIterator[Secret]:
        """Return the inventory by name. The filters are those of `GET /secrets`."""
        return self._client.pages("/secrets", filters)

    async def get(self, name: str) -> Secret:
        """Return one secret."""
        return await self._client.send(Request("GET", f"/secrets/by-name/{segment(name)}"))

    async def put(self, name: str, **declared: Any) -> Secret:
        """Create the secret, or bring it to what is declared. `value` or `values` is stored if it is given."""
        return await self._client.send(Request("PUT", f"/secrets/by-name/{segment(name)}", body=declared))

    async def create(self, name: str, **fields: Any) -> Secret:
        """Store a new secret. The fields are those of `POST /secrets`."""
        request = Request("POST", "/secrets", body={"name": name, **fields}, once=True)
        return await self._client.send(request)

    async def update(self, name_or_id: str | UUID, **changes: Any) -> Secret:
        """Change the given fields. In `values`, None removes the value of an environment."""
        secret_id = await self._client.id_of("secrets", name_or_id)
        return await self._client.send(Request("PATCH", f"/secrets/{secret_id}", body=changes))

    async def delete(self, name_or_id: str | UUID) -> None:
        """Delete a secret that nothing uses."""
        await self._client.send(Request("DELETE", f"/secrets/{await self._client.id_of('secrets', name_or_id)}"))

    async def import_dotenv(self, environment: str, dotenv: str, **choices: Any) -> dict[str, Any]:
        """Store the entries of a `.env` file in one environment. The choices are those of `POST /secrets/import`."""
        body = {"environment": environment, "dotenv": dotenv, **choices}
        return await self._client.send(Request("POST", "/secrets/import", body=body))


class AsyncRotation:
    """Rotation of a value in one environment: stage, check, promote, roll back."""

    def __init__(self, client: AsyncConnection) -> None:
        self._client = client

    async def stage(self, secret: str | UUID, environment: str, value: str, *, allow_short: bool = False) -> Secret:
        """Store a value beside the current one."""
        body = {"value": value, "allow_short": allow_short}
        return await self._send("PUT", secret, environment, "", body)

    async def check(self, secret: str | UUID, environment: str) -> StagedResults:
        """Try the staged value on every reference."""
        return await self._send("POST", secret, environment, "/check")

    async def promote(self, secret: str | UUID, environment: str, *, accept_failures: bool = False) -> Secret:
        """Make the staged value the current one."""
        body = {"accept_failures": accept_failures}
        return await self._send("POST", secret, environment, "/promote", body)

    async def roll_back(self, secret: str | UUID, environment: str) -> Secret:
        """Return to the value before, within its window."""
        return await self._send("POST", secret, environment, "/rollback")

    async def discard(self, secret: str | UUID, environment: str) -> None:
        """Destroy the staged value."""
        await self._send("DELETE", secret, environment, "")

    async def _send(self, method: str, secret: str | UUID, environment: str, act: str, body: Any = None) -> Any:
        secret_id = await self._client.id_of("secrets", secret)
        return await self._client.send(
            Request(method, f"/secrets/{secret_id}/rotation/{segment(environment)}{act}", body=body)
        )
