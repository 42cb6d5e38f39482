"""What an integration builds on, and where each secret of the chain is sent.

A run needs every link: its connection for the address, its auth connector (its own, else its connection's) for the
credential. A link that has an address of its own sends its secrets there and nowhere else: an OAuth client's secret
goes to the token URL alone (docs/concepts.md, "Allowed domains"). All other secrets go where the call goes.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from yarl import URL

from integrations.egress import configuration
from integrations.egress.destinations import WEB
from integrations.egress.policy import admit_url
from integrations.exchange.exchange import Destination, Exchange
from integrations.kinds import KINDS
from integrations.kinds.base import Operation, Parents
from integrations.models import Integration

WITH_LINKS = ("integration__auth_connector", "integration__connection__auth_connector")
"""What a query of references selects so that `with_parents` their integrations reads nothing."""

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
        return admit_url(self.url, configuration.policy(), self.schemes)


Text = tuple[str, str]
"""What a link is made of: its kind, and its configuration as JSON."""


def parsed(link: Integration) -> Any:
    """The checked configuration of a stored integration, parsed once for each text of it. Raises Invalid."""
    return _parsed(_text_of(link))


def operations_of(integration: Integration) -> Mapping[str, Operation]:
    """What it can do, by name. Raises Invalid."""
    return _operations(_text_of(integration))


def plan_of(integration: Integration, operation: str) -> Exchange:
    """The exchange of one of its operations, placeholders in place. Raises Invalid."""
    return _plan(operation, *map(_text_of, with_parents(integration)))


def _text_of(link: Integration) -> Text:
    return link.kind, json.dumps(link.config)


@lru_cache(maxsize=KEPT)
def _parsed(text: Text) -> Any:
    return KINDS[text[0]].parse_config(json.loads(text[1]))


@lru_cache(maxsize=KEPT)
def _operations(text: Text) -> Mapping[str, Operation]:
    return {operation.name: operation for operation in KINDS[text[0]].operations(_parsed(text))}


@lru_cache(maxsize=KEPT)
def _plan(operation: str, text: Text, *parents: Text) -> Exchange:
    return KINDS[text[0]].plan(_parsed(text), operation, _parents(parents))


@lru_cache(maxsize=KEPT)
def _own_secret_names(text: Text) -> frozenset[str]:
    return frozenset(name for slot in KINDS[text[0]].slots(_parsed(text)) for name in slot.template.secret_names)


@lru_cache(maxsize=KEPT)
def _destination(text: Text) -> Destination | None:
    kind = KINDS[text[0]]
    return next(iter(kind.destinations(kind.read(json.loads(text[1])))), None)


def with_parents(integration: Integration) -> list[Integration]:
    """The integration and what it inherits from: every link must be enabled and run in the environment."""
    connection = integration.connection
    connector = integration.auth_connector or (connection.auth_connector if connection else None)
    return [link for link in (integration, connection, connector) if link]


def parents_of(integration: Integration) -> Parents:
    """The checked configurations of what it builds on."""
    return _parents([_text_of(link) for link in with_parents(integration)[1:]])


def _parents(texts: Sequence[Text]) -> Parents:
    return Parents(**{"connector" if KINDS[text[0]].is_connector else "connection": _parsed(text) for text in texts})


def own_secret_names(link: Integration) -> frozenset[str]:
    """The secrets that one integration names itself."""
    return _own_secret_names(_text_of(link))


def secret_names(integration: Integration) -> set[str]:
    """Every secret that the whole chain names."""
    return {name for link in with_parents(integration) for name in own_secret_names(link)}


def routes_of(integration: Integration) -> list[Route]:
    """Where it calls, the call itself first. The URL is empty where nothing is called by itself."""
    chain = with_parents(integration)
    texts = {link.pk: _text_of(link) for link in chain}
    own = {pk: _destination(text) for pk, text in texts.items()}
    main = own[integration.pk] or (own.get(integration.connection_id) if integration.connection_id else None) or NOWHERE
    names: dict[tuple[str, frozenset[str]], set[str]] = defaultdict(set, {(main.url, main.schemes): set()})
    for link in chain:
        destination = own[link.pk] or main
        names[destination.url, destination.schemes] |= _own_secret_names(texts[link.pk])
    owners = {destination.url: pk for pk, destination in reversed(own.items()) if destination}
    return [Route(url, frozenset(used), schemes, owners.get(url)) for (url, schemes), used in names.items()]
