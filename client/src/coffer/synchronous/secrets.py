"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from coffer.answers import Secret, StagedResults
from coffer.exchange import Request, segment
from coffer.synchronous.connection import Connection


class Secrets:
    """The secrets: everything but their values."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def list(self, **filters: Any) -> Iterator[Secret]:
        """Return the inventory by name. The filters are those of `GET /secrets`."""
        return self._client.pages("/secrets", filters)

    def get(self, name: str) -> Secret:
        """Return one secret."""
        return self._client.send(Request("GET", f"/secrets/by-name/{segment(name)}"))

    def put(self, name: str, **declared: Any) -> Secret:
        """Create the secret, or bring it to what is declared. `value` or `values` is stored if it is given."""
        return self._client.send(Request("PUT", f"/secrets/by-name/{segment(name)}", body=declared))

    def create(self, name: str, **fields: Any) -> Secret:
        """Store a new secret. The fields are those of `POST /secrets`."""
        request = Request("POST", "/secrets", body={"name": name, **fields}, once=True)
        return self._client.send(request)

    def update(self, name_or_id: str | UUID, **changes: Any) -> Secret:
        """Change the given fields. In `values`, None removes the value of an environment."""
        secret_id = self._client.id_of("secrets", name_or_id)
        return self._client.send(Request("PATCH", f"/secrets/{secret_id}", body=changes))

    def delete(self, name_or_id: str | UUID) -> None:
        """Delete a secret that nothing uses."""
        self._client.send(Request("DELETE", f"/secrets/{self._client.id_of('secrets', name_or_id)}"))

    def import_dotenv(self, environment: str, dotenv: str, **choices: Any) -> dict[str, Any]:
        """Store the entries of a `.env` file in one environment. The choices are those of `POST /secrets/import`."""
        body = {"environment": environment, "dotenv": dotenv, **choices}
        return self._client.send(Request("POST", "/secrets/import", body=body))


class Rotation:
    """Rotation of a value in one environment: stage, check, promote, roll back."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def stage(self, secret: str | UUID, environment: str, value: str, *, allow_short: bool = False) -> Secret:
        """Store a value beside the current one."""
        body = {"value": value, "allow_short": allow_short}
        return self._send("PUT", secret, environment, "", body)

    def check(self, secret: str | UUID, environment: str) -> StagedResults:
        """Try the staged value on every reference."""
        return self._send("POST", secret, environment, "/check")

    def promote(self, secret: str | UUID, environment: str, *, accept_failures: bool = False) -> Secret:
        """Make the staged value the current one."""
        body = {"accept_failures": accept_failures}
        return self._send("POST", secret, environment, "/promote", body)

    def roll_back(self, secret: str | UUID, environment: str) -> Secret:
        """Return to the value before, within its window."""
        return self._send("POST", secret, environment, "/rollback")

    def discard(self, secret: str | UUID, environment: str) -> None:
        """Destroy the staged value."""
        self._send("DELETE", secret, environment, "")

    def _send(self, method: str, secret: str | UUID, environment: str, act: str, body: Any = None) -> Any:
        secret_id = self._client.id_of("secrets", secret)
        return self._client.send(
            Request(method, f"/secrets/{secret_id}/rotation/{segment(environment)}{act}", body=body)
        )
