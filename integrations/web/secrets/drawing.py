"""The two drawings of where a secret goes, with the words in their boxes (`integrations.references.graph`)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.references.graph import (
    BOX_HEIGHT,
    HOST,
    INTEGRATION,
    SECRET,
    SHARED,
    Box,
    Drawing,
    Key,
    Path,
    as_tree,
    in_columns,
)
from integrations.references.uses import Use

HEADINGS = ("Secret", "Connections and connectors", "Integrations", "Hosts")
DRAWN_AT_MOST = 60
BESIDE_THE_NAME, LETTER, MONO, SANS = 52, 23, 8, 7
"""Units of the icon and its margins, of the letter of an environment, and of a character of a name."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The content of a box. `link` is the integration that it opens; `look` is a CSS class."""

    name: str
    note: str
    icon: str
    link: Any = None
    look: str = ""
    letters: tuple[str, ...] = ()


def drawings(name: str, uses: Sequence[Use]) -> dict[str, Any]:
    """Return both drawings for the template, and how many integrations they leave out."""
    senders = list(dict.fromkeys(use.integration.pk for use in uses))
    drawn = [use for use in uses if use.integration.pk in set(senders[:DRAWN_AT_MOST])]
    words, paths = _words(name, drawn), _paths(drawn)
    blocked = {
        ((column, use.integration.pk), (HOST, use.host)) for use in drawn if use.blocked for column in range(HOST)
    }
    return {
        "wide": _shown(in_columns(paths), words, blocked),
        "narrow": _shown(as_tree(paths), words, blocked),
        "left_out": len(senders[DRAWN_AT_MOST:]),
    }


def _paths(uses: Sequence[Use]) -> list[Path]:
    """Return a path for each use. A connection leads to hosts by itself only if nothing uses it."""
    passed_on = {use.reference.integration_id for use in uses if use.via}
    paths: list[Path] = []
    for use in uses:
        host, sender = use.host or None, use.integration
        if use.via:
            paths.append((use.reference.integration_id, sender.pk, host))
        elif not KINDS[sender.kind].is_shared:
            paths.append((None, sender.pk, host))
        elif sender.pk not in passed_on:
            paths.append((sender.pk, None, host))
    return paths


def _words(name: str, uses: Sequence[Use]) -> dict[Key, _Words]:
    sending = {use.integration.pk for use in uses if not KINDS[use.integration.kind].is_shared}
    hosts = {use.host: _about_host(use.host, blocked=False) for use in uses}
    hosts |= {use.host: _about_host(use.host, blocked=True) for use in uses if use.blocked}
    note = f"{_counted(len(sending), 'integration')}, {_counted(len(hosts.keys() - {''}), 'host')}"
    root: dict[Key, _Words] = {(SECRET, None): _Words(name, note, "key-round", look="root")}
    return root | _about_integrations(uses) | {(HOST, host): words for host, words in hosts.items()}


def _about_host(host: str, *, blocked: bool) -> _Words:
    if blocked:
        return _Words(host, "Not an allowed domain", "shield-alert", look="bad")
    return _Words(host, "Allowed", "globe")


def _about_integrations(uses: Sequence[Use]) -> dict[Key, _Words]:
    """Return the words of every integration, as a connection and as one that sends the secret."""
    by_integration: dict[Integration, list[Use]] = defaultdict(list)
    for use in uses:
        by_integration[use.integration].append(use)
        by_integration.setdefault(use.reference.integration, [])
    return {
        (column, integration.pk): _about(integration, some)
        for integration, some in by_integration.items()
        for column in (SHARED, INTEGRATION)
    }


def _about(integration: Integration, uses: Sequence[Use]) -> _Words:
    places = list(dict.fromkeys(f"through {use.via}" if use.via else use.reference.slot_label for use in uses))
    kind = KINDS[integration.kind]
    note = places[0] if len(places) == 1 else f"{len(places)} places" if places else kind.label
    letters = tuple(environment.letter for environment in uses[0].environments) if uses else ()
    return _Words(integration.name, note, kind.icon, link=integration.pk, letters=() if kind.is_shared else letters)


def _shown(drawing: Drawing, words: dict[Key, _Words], blocked: Iterable[tuple[Key, Key]]) -> dict[str, Any]:
    bad = set(blocked)
    return {
        "width": drawing.width,
        "height": drawing.height,
        "headings": [(x + 2, HEADINGS[column]) for column, (x, _) in drawing.columns.items()],
        "edges": [(edge.path, _look(edge.source, edge.target, bad)) for edge in drawing.edges],
        "boxes": [_box(box, words[box.key]) for box in drawing.boxes],
        "box_height": BOX_HEIGHT,
    }


def _look(source: Key, target: Key, blocked: Iterable[tuple[Key, Key]]) -> str:
    if target[0] != HOST:
        return "hot"
    return "bad" if (source, target) in blocked else "ok"


def _box(box: Box, words: _Words) -> dict[str, Any]:
    taken = BESIDE_THE_NAME + LETTER * len(words.letters)
    letter = MONO if box.key[0] in {SECRET, HOST} else SANS
    return {
        "box": box,
        "words": words,
        "shown": _short(words.name, (box.width - taken) // letter),
        "note": _short(words.note, (box.width - taken) // SANS),
        "mono": letter == MONO,
        "environments": [
            (box.width - 9 - LETTER * number, text) for number, text in enumerate(reversed(words.letters), start=1)
        ],
    }


def _short(text: str, longest: int) -> str:
    """Shorten a text to the width of its box; the title and the table contain the whole text."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
