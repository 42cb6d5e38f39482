"""The texts in an event, a line or a message, each with its place, so that texts cut into pieces can be joined again.

Services stream a text in pieces: `choices[0].delta.content` in one event after another. A place is what its pieces have
in common. There are two: a *loose* one, the path of names alone, and an *exact* one, which tells apart what several
texts that are streamed at once do: positions in lists, indexes, the type of the event. A text is joined at both.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import Any, NamedTuple

MOST_LEAVES = 256
"""Texts of one event that are joined with those before. What has more is no piece of a text."""
DEEPEST_LEAF = 20

_NAMED = ("type", "event")
"""Members of a document, and of an event, that say what it is."""

_CONTAINERS, _TEXT_OR_MORE = (dict, list), (str, dict, list)

Place = tuple[object, ...]
_LOOSE, _EXACT = ("loose",), ("exact",)


class Leaf(NamedTuple):
    """A text, and where it stands."""

    loose: Place
    exact: Place
    text: str


def leaves_of_event(event: bytes) -> list[Leaf]:
    """Return the texts of an event (WHATWG HTML, "Server-sent events"): the data, read as JSON, and other fields."""
    fields: dict[str, list[str]] = {}
    for line in event.removeprefix(BOM_UTF8).splitlines():  # of bytes, at the line breaks of event streams alone
        if line:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
    data = fields.pop("data", [])
    kind = tuple(fields.get("event", ()))
    others = [Leaf((*_LOOSE, name), (*_EXACT, name), "\n".join(values)) for name, values in fields.items()]
    return others + _leaves_of("\n".join(data), kind) if data else others


def leaves_of_message(message: bytes) -> list[Leaf]:
    """Return the texts of a JSON document; the message itself if it is another text."""
    try:
        text = message.decode().strip("\x1e\r\n\t ")
    except UnicodeDecodeError:
        return []
    return _leaves_of(text, ())


def _leaves_of(text: str, kind: Place) -> list[Leaf]:
    document, exact = _parsed(text), _EXACT + kind
    if not isinstance(document, _CONTAINERS):  # it may be a piece of a text even so, such as a number
        read = [Leaf((*_LOOSE, str), (*exact, str), document)] if isinstance(document, str) else []
        return [Leaf(_LOOSE, exact, text), *read] if text else []
    if isinstance(document, dict):
        exact += tuple([said for name in _NAMED if isinstance(said := document.get(name), str)])
    found: list[Leaf] = []
    _walk(document, _LOOSE, exact, DEEPEST_LEAF, found)
    return found[:MOST_LEAVES]


def _parsed(text: str) -> Any:
    """Return a JSON text; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _walk(node: dict[str, Any] | list[Any], loose: Place, exact: Place, levels: int, found: list[Leaf]) -> None:
    """Add the strings of a document with their places."""
    is_object = isinstance(node, dict)
    entries: Iterable[tuple[object, Any]] = enumerate(node)
    if isinstance(node, dict):
        entries, exact = node.items(), _with_indexes(exact, node)
    for name, child in entries:
        if len(found) >= MOST_LEAVES:
            return
        if isinstance(child, _TEXT_OR_MORE):
            place = (*loose, name) if is_object else loose
            if isinstance(child, str):
                found.append(Leaf(place, (*exact, name), child))
            elif levels > 1:
                _walk(child, place, (*exact, name), levels - 1, found)


def _with_indexes(place: Place, members: dict[str, Any]) -> Place:
    for name, value in members.items():
        if isinstance(value, int) and name.endswith("index"):
            place += (name, value)
    return place
