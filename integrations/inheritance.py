"""Connections and auth connectors of an integration, and the URL that each secret is sent to.

A run needs the integration and its parents: the connection for the address, and the auth connector (its own, otherwise
the connection's) for the credential. A parent with a URL of its own sends its secrets to that URL only: an OAuth
client's secret goes to the token URL (docs/concepts.md, "Allowed domains"). All other secrets go where the call goes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from yarl import URL

from accounts.common.fields import StoredObject, read_json, write_json
from accounts.errors import Invalid
from integrations.egress import configuration
from integrations.egress.destinations import WEB, parse_url
from integrations.egress.policy import admit_url
from integrations.errors import InvalidUrl
from integrations.exchange.exchange import Destination, Exchange
from integrations.kinds import KINDS
from integrations.kinds.base import Operation, Parents
from integrations.models import Integration

WITH_LINKS = ("integration__auth_connector", "integration__connection__auth_connector")
"""Relations to select in a query of references, so that `with_parents` of their integrations runs no query."""

KEPT = 1024
"""Size of each cache of parsed configurations. The cached value depends on the text alone."""

NOWHERE = Destination("", "")


@dataclass(frozen=True, slots=True)
class Route:
    """A URL that a run calls, and the names of the secrets that are sent to it.

    Attributes:
        url: as configured; empty for an integration that calls nothing by itself.
        owner: the id of the integration whose configuration holds the URL.
    """

    url: str
    secret_names: frozenset[str]
    schemes: frozenset[str] = WEB
    owner: UUID | None = None

    def admit(self) -> URL:
        """Return the URL in the form that is judged and sent.

        Raises:
            InvalidUrl, EgressDenied: Coffer may not call it.
        """
        return admit_url(self.url, configuration.policy(), self.schemes)


Text = tuple[str, str]
"""The kind of an integration, and its configuration as JSON. The key of the caches."""


def parsed(link: Integration) -> Any:
    """Return the checked configuration of a stored integration. Equal configurations are parsed once.

    Raises:
        Invalid: the stored configuration has problems.
    """
    return _parsed(_text_of(link))


def makes_calls(integration: Integration) -> bool:
    """Return whether callers run the integration itself, or send requests of their own through it."""
    if not KINDS[integration.kind].is_shared:
        return True
    try:
        return bool(operations_of(integration))
    except Invalid:
        return False


def operations_of(integration: Integration) -> Mapping[str, Operation]:
    """Return the operations of an integration by name.

    Raises:
        Invalid: the stored configuration has problems.
    """
    return _operations(_text_of(integration))


def plan_of(links: Sequence[Integration], operation: str) -> Exchange:
    """Return the exchange of an operation, with placeholders unresolved.

    Args:
        links: the integration and its parents (`with_parents`).

    Raises:
        Invalid: a stored configuration has problems.
    """
    return _plan(operation, *map(_text_of, links))


def _text_of(link: Integration) -> Text:
    """Return the key of the caches."""
    config = link.config
    return link.kind, config.text if isinstance(config, StoredObject) else write_json(config)


@lru_cache(maxsize=KEPT)
def _parsed(text: Text) -> Any:
    return KINDS[text[0]].parse_config(read_json(text[1]))


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
    return next(iter(kind.destinations(kind.read(read_json(text[1])))), None)


def with_parents(integration: Integration) -> list[Integration]:
    """Return the integration, its connection and its auth connector, as far as it has them.

    A run requires each of them to be enabled and to run in the environment.
    """
    connection = integration.connection
    connector = integration.auth_connector or (connection.auth_connector if connection else None)
    return [link for link in (integration, connection, connector) if link]


def parents_of(integration: Integration) -> Parents:
    """Return the checked configurations of an integration's connection and connector."""
    return _parents([_text_of(link) for link in with_parents(integration)[1:]])


def _parents(texts: Sequence[Text]) -> Parents:
    return Parents(**{"connector" if KINDS[text[0]].is_connector else "connection": _parsed(text) for text in texts})


def own_secret_names(link: Integration) -> frozenset[str]:
    """Return the names of the secrets in the integration's own configuration."""
    return _own_secret_names(_text_of(link))


def secret_names(integration: Integration) -> set[str]:
    """Return the names of all secrets that the integration and its parents use."""
    return {name for link in with_parents(integration) for name in own_secret_names(link)}


def routes_of(links: Sequence[Integration]) -> Sequence[Route]:
    """Return the URLs that a run calls, with the secrets for each. The URL of the call itself comes first.

    Args:
        links: the integration and its parents (`with_parents`).
    """
    return _routes(links[0].connection_id, *_texts_by_id(links))


@lru_cache(maxsize=KEPT)
def _routes(connection: UUID | None, *texts: tuple[UUID, Text]) -> Sequence[Route]:
    own, call = _own_and_call(connection, *texts)
    names: dict[tuple[str, frozenset[str]], set[str]] = defaultdict(set, {(call.url, call.schemes): set()})
    for pk, text in texts:
        destination = own[pk] or call
        names[destination.url, destination.schemes] |= _own_secret_names(text)
    owners = _owners(own)
    return tuple(Route(url, frozenset(used), schemes, owners.get(url)) for (url, schemes), used in names.items())


def hosts_of_links(integration: Integration) -> dict[UUID, str]:
    """Return the host that a run sends the secrets of the integration and of each parent to, by their ids.

    Those that send their secrets nowhere are left out. The egress policy is not asked: it may change at any time.

    Raises:
        Invalid: the shape of a stored configuration is wrong.
    """
    own, call = _own_and_call(integration.connection_id, *_texts_by_id(with_parents(integration)))
    hosts = {pk: _host(destination or call) for pk, destination in own.items()}
    return {pk: host for pk, host in hosts.items() if host}


def _texts_by_id(links: Sequence[Integration]) -> list[tuple[UUID, Text]]:
    return [(link.id, _text_of(link)) for link in links]


def _own_and_call(
    connection: UUID | None, *texts: tuple[UUID, Text]
) -> tuple[dict[UUID, Destination | None], Destination]:
    """Return the URL that an integration and its parents configure, by their ids, and the URL of the call."""
    own, (itself, _) = {pk: _destination(text) for pk, text in texts}, texts[0]
    return own, own[itself] or own.get(connection or itself) or NOWHERE


def _host(destination: Destination) -> str:
    try:
        return parse_url(destination.url, destination.schemes).raw_host or ""
    except InvalidUrl:  # an old configuration, or none
        return ""


def _owners(destinations: Mapping[UUID, Destination | None]) -> dict[str, UUID]:
    """Return which integration configures each URL; the first, if several do."""
    return {destination.url: pk for pk, destination in reversed(list(destinations.items())) if destination}
