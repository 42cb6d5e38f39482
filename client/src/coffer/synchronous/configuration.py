"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

from coffer.answers import Plan
from coffer.exchange import Request
from coffer.synchronous.connection import Connection

YAML = "application/yaml"


class Configuration:
    """The configuration of the organization as one file, `coffer.yaml`."""

    def __init__(self, client: Connection) -> None:
        self._client = client

    def export(self) -> str:
        """Return the file."""
        return self._client.send(Request("GET", "/configuration", headers={"Accept": YAML}))

    def plan(self, file: str, *, prune: bool = False, accept_raw_credentials: bool = False) -> Plan:
        """Return what an apply of the file would do. The arguments are those of `apply`."""
        query = {"prune": prune or None, "accept_raw_credentials": accept_raw_credentials or None}
        return self._client.send(Request("POST", "/configuration/plan", query, text=(file, YAML)))

    def apply(
        self, file: str, *, prune: bool = False, plan: str | None = None, accept_raw_credentials: bool = False
    ) -> Plan:
        """Apply the file, whole or not at all.

        Args:
            prune: whether what is not in the file is deleted.
            plan: the fingerprint of a plan; the apply is refused if it would do something else.
            accept_raw_credentials: whether texts may be stored that look like a credential.
        """
        query = {"prune": prune or None, "accept_raw_credentials": accept_raw_credentials or None, "plan": plan}
        return self._client.send(Request("POST", "/configuration/apply", query, text=(file, YAML)))
