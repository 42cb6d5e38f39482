"""What an integration builds on, and where each secret of the chain is sent.

A run needs every link: its connection for the address, its auth connector (its own, else its connection's) for the
credential. A link that has an address of its own sends its secrets there and nowhere else: an OAuth client's secret
goes to the token URL alone (DESIGN section 4, "Allowed domains"). All other secrets go where the call goes.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from yarl import URL

from integrations import outgoing
from integrations.conversations import Destination
from integrations.destinations import WEB
from integrations.egress import admit_url
from integrations.kinds import KINDS
from integrations.kinds.base import Parents
from integrations.models import Integration

WITH_LINKS = ("integration__auth_connector", "integration__connection__auth_connector")
"""What a query of references selects so that `chain_of` their integrations reads nothing."""

KEPT = 256
"""Configurations that are kept parsed. What is kept follows from the text alone: a change is another text."""

NOWHERE = Destination("", "")


@dataclass(frozen=True, slots=True)
class Route:
    """A URL that a run calls, as it was configured, the names of the secrets that go there, and whose URL it is."""

    url: str
    secret_names: frozenset[str]
    schemes: frozenset[str] = WEB
    owner: UUID | None = None

    def admit(self) -> URL:
        """The URL as it is judged and sent. Raises InvalidUrl or EgressDenied."""
        return admit_url(self.url, outgoing.policy(), self.schemes)


def parsed(link: Integration) -> Any:
    """The checked configuration of a stored integration, parsed once for each text of it. Raises Invalid."""
    return _parsed(link.kind, json.dumps(link.config))


@lru_cache(maxsize=KEPT)
def _parsed(kind: str, text: str) -> Any:
    return KINDS[kind].parse_config(json.loads(text))


@lru_cache(maxsize=KEPT)
def _read(kind: str, text: str) -> Any:
    return KINDS[kind].read(json.loads(text))


def chain_of(integration: Integration) -> list[Integration]:
    """The integration and what it inherits from: every link must be enabled and run in the environment."""
    connection = integration.connection
    connector = integration.auth_connector or (connection.auth_connector if connection else None)
    return [link for link in (integration, connection, connector) if link]


def parents_of(integration: Integration) -> Parents:
    """The checked configurations of what it builds on."""
    found = {}
    for link in chain_of(integration)[1:]:
        kind = KINDS[link.kind]
        found["connector" if kind.is_connector else "connection"] = parsed(link)
    return Parents(**found)


def own_secret_names(link: Integration) -> set[str]:
    """The secrets that one integration names itself."""
    kind = KINDS[link.kind]
    return {name for slot in kind.slots(parsed(link)) for name in slot.template.secret_names}


def secret_names(integration: Integration) -> set[str]:
    """Every secret that the whole chain names."""
    return {name for link in chain_of(integration) for name in own_secret_names(link)}


def routes_of(integration: Integration) -> list[Route]:
    """Where it calls, the call itself first. The URL is empty where nothing is called by itself."""
    chain = chain_of(integration)
    own = {link.pk: _own(link) for link in chain}
    main = own[integration.pk] or (own[integration.connection.pk] if integration.connection else None) or NOWHERE
    names: dict[tuple[str, frozenset[str]], set[str]] = defaultdict(set, {(main.url, main.schemes): set()})
    for link in chain:
        destination = own[link.pk] or main
        names[destination.url, destination.schemes] |= own_secret_names(link)
    owners = {destination.url: pk for pk, destination in reversed(own.items()) if destination}
    return [Route(url, frozenset(used), schemes, owners.get(url)) for (url, schemes), used in names.items()]


def _own(link: Integration) -> Destination | None:
    kind = KINDS[link.kind]
    return next(iter(kind.destinations(_read(link.kind, json.dumps(link.config)))), None)
