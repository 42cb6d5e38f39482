"""The hosts that credentials of well-known services are sent to, to propose allowed domains.

Nothing is decided here: a proposal is one click away, and empty stays any domain. What a value begins with is compared
in the browser, so that a value that is not saved is never sent.
"""

from dataclasses import dataclass
from functools import cache

from secrets_app.known_services.files import service_files


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
    """Return all services whose hosts are known, by name. A host of each customer's own is not."""
    contents = [file.content for file in service_files() if "hosts" in file.content]
    return tuple(
        Service(entry["name"], tuple(entry["hosts"]), tuple(entry["names"]), tuple(entry.get("prefixes", ())))
        for entry in contents
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
