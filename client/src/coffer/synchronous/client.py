"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2

from coffer.answers import AuditEvent, Key, Readiness, StartedSession
from coffer.exchange import Request
from coffer.synchronous.configuration import Configuration
from coffer.synchronous.connection import Connection
from coffer.synchronous.integrations import Approvals, Integrations
from coffer.synchronous.runs import Runs
from coffer.synchronous.secrets import Rotation, Secrets


class Client(Connection):
    """A client of one Coffer with one API key. Use it as a context manager, or close it.

    A call is repeated where Coffer says when (`Retry-After`) and where that is safe. Creates and runs carry an
    idempotency key, so that they happen once.

    Args:
        address: such as `https://coffer.example.com`.
        api_key: from the page *Agents and keys*.
        timeout: seconds for each call.
        attempts: how often a call is made at most.
        insecure: whether the API key may travel in clear (`http://`) to another host.
        transport: what sends the calls, instead of the network.

    Raises:
        CofferError: the address or the API key cannot be one.
    """

    def __init__(
        self,
        address: str,
        api_key: str,
        *,
        timeout: float = 120,
        attempts: int = 3,
        insecure: bool = False,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        super().__init__(address, api_key, timeout=timeout, attempts=attempts, insecure=insecure, transport=transport)
        self.secrets = Secrets(self)
        self.rotation = Rotation(self)
        self.integrations = Integrations(self)
        self.approvals = Approvals(self)
        self.runs = Runs(self)
        self.configuration = Configuration(self)

    def key(self) -> Key:
        """Return what this API key may do, and in which organization."""
        return self.send(Request("GET", "/key"))

    def readiness(self, environment: str | None = None) -> Iterator[Readiness]:
        """Return, for each integration and environment, whether a run would find what it needs."""
        return self.pages("/readiness", {"environment": environment})

    def audit_events(self, **filters: Any) -> Iterator[AuditEvent]:
        """Return the audit log, newest first. The filters are those of `GET /audit-events`."""
        return self.pages("/audit-events", filters)

    def start_session(self, name: str, **bounds: Any) -> StartedSession:
        """Start a session of this key for one run of an agent, and return it with its token."""
        return self.send(Request("POST", "/sessions", body={"name": name, **bounds}))

    def stop_session(self, session_id: str | UUID) -> None:
        """Stop a session, with its calls under way."""
        self.send(Request("DELETE", f"/sessions/{session_id}"))
