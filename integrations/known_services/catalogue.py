"""The catalogue: its schema, and the services in it (docs/services.md)."""

import re
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from secrets_app.known_services.files import service_files

ACTION, CONNECTION, CONNECTOR = "api_action", "api_connection", "auth_connector"

CATEGORIES = {
    "telephony": "Telephony and voice agents",
    "calendars": "Calendars",
    "customers": "Customers and records",
    "payments": "Payments",
    "helpdesks": "Helpdesks and issues",
    "models": "Language models",
    "speech": "Speech",
    "messaging": "Messages and e-mail",
    "development": "Development and operations",
}
"""The titles of the folders, in the order of the pages."""

_NOT_IN_KEYS = re.compile(r"[^a-z0-9]+")


class _PartOfFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KnownOperation(_PartOfFile):
    """An action that is useful with a service.

    Attributes:
        source: the page of the service's documentation that describes it.
        config: the configuration of the action, without its connection.
    """

    name: str = Field(min_length=1, max_length=120)
    source: str = Field(pattern="^https://")
    description: str = Field(min_length=1)
    config: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What identifies it within its service: the name, in lower case with hyphens."""
        return _NOT_IN_KEYS.sub("-", self.name.lower()).strip("-")


class KnownService(_PartOfFile):
    """A service.

    Attributes:
        source: the page of its documentation that describes how requests are authenticated.
        hosts: the allowed domains to propose for its secrets; empty where each customer has a host of its own.
        names: texts in the name of a secret that suggest the service, in lower case.
        prefixes: how its credentials begin; only a beginning that no other service uses.
        tenant: the part of addresses that a customer replaces.
        note: what people should know before they use it.
        connection: the configuration of an API connection; None where only the hosts are known.
        connector: the configuration of the auth connector that the connection needs.
    """

    key: str
    category: str
    name: str = Field(min_length=1, max_length=60)
    source: str = Field(pattern="^https://")
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tenant: str = ""
    note: str = ""
    connection: Mapping[str, Any] | None = None
    connector: Mapping[str, Any] | None = None
    operations: tuple[KnownOperation, ...] = ()

    @cached_property
    def configs(self) -> Mapping[str, Mapping[str, Any]]:
        """The configurations to start with, by kind."""
        found = {CONNECTION: self.connection, CONNECTOR: self.connector}
        return {kind: config for kind, config in found.items() if config is not None}

    def operation(self, key: str) -> KnownOperation | None:
        """Return the operation with this key; None if there is none."""
        return next((operation for operation in self.operations if operation.key == key), None)

    def is_at(self, base_url: str) -> bool:
        """Return whether a base URL is that of the service, for any tenant."""
        if self.connection is None:
            return False
        known = re.escape(self.connection["base_url"])
        if self.tenant:
            known = known.replace(re.escape(self.tenant), "[^/.]+")
        return re.fullmatch(f"{known}/?", base_url) is not None


@cache
def services() -> tuple[KnownService, ...]:
    """Return all services that a connection can start from, by name."""
    files = [file for file in service_files() if "connection" in file.content]
    return tuple(KnownService(key=file.key, category=file.category, **file.content) for file in files)


def service(key: str) -> KnownService | None:
    """Return the service with this key; None if there is none."""
    return next((known for known in services() if known.key == key), None)


def service_at(base_url: str) -> KnownService | None:
    """Return the service that a connection with this base URL calls; None if it is not known."""
    return next((known for known in services() if known.is_at(base_url)), None)


def by_category() -> dict[str, list[KnownService]]:
    """Return the services by the title of their category, in the order of the pages."""
    return {title: [known for known in services() if known.category == key] for key, title in CATEGORIES.items()}
