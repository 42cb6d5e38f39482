"""Well-known services and the hosts that their credentials are sent to (`services.toml`), to propose allowed domains.

Nothing is decided here: a proposal is one click away, and empty stays any domain. What a value begins with is compared
in the browser, so that a value that is not saved is never sent.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("services.toml")


@dataclass(frozen=True, slots=True)
class Service:
    """A service.

    Attributes:
        hosts: in the stored form of allowed domains.
        names: texts in the name of a secret that suggest the service.
        prefixes: how its credentials begin.
    """

    name: str
    hosts: tuple[str, ...]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]


@cache
def services() -> tuple[Service, ...]:
    """Return all services, by name."""
    entries = tomllib.loads(DATA.read_text())["service"]
    return tuple(
        Service(entry["name"], tuple(entry["hosts"]), tuple(entry["names"]), tuple(entry["prefixes"]))
        for entry in entries
    )


def services_named_in(name: str) -> list[Service]:
    """Return the services that the name of a secret suggests."""
    lowered = f"{name.lower()}."
    return [service for service in services() if any(text in lowered for text in service.names)]


def hosts_by_prefix() -> list[dict[str, object]]:
    """Return the beginnings of credentials with their service and hosts, for the page."""
    return [
        {"prefix": prefix, "service": service.name, "hosts": list(service.hosts)}
        for service in services()
        for prefix in service.prefixes
    ]
