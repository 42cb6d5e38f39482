"""Raw credentials in the plain texts of an integration, and their way into a secret (the paste guard).

Owns: which texts are looked at (name, description and every string of the configuration), which findings are new to a
stored integration, and the configuration with a placeholder in a credential's place. It knows no kind by name.
"""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from integrations.kinds.config_fields import field_path
from integrations.paste_guard import credentials
from integrations.references.rename import steps
from integrations.templating.placeholders import MalformedPlaceholder, SecretPlaceholder, parse
from secrets_app.naming.names import propose_name

Step = str | int

_HOLDS_PLACEHOLDERS = re.compile(
    r"config\b.*\.(?:value|path|content|token|username|password|client_id|client_secret|api_key)"
)
_WORDS = {"headers": "Header", "query": "Query parameter", "base_url": "URL", "check": "Check path"}


@dataclasses.dataclass(frozen=True, slots=True)
class Pasted:
    """One raw credential.

    `field` is where it stands as refusals name it (`config.headers[0].value`, `description`), `place` the same in
    words, `start` and `end` its characters in the text there.
    """

    field: str
    place: str
    start: int
    end: int
    looks_like: str
    text: str = dataclasses.field(repr=False)

    @property
    def key(self) -> str:
        """What tells it from the others of one integration."""
        return f"{self.field}:{self.start}"

    @property
    def proposed_name(self) -> str:
        """A name for the secret: after the service whose credential it is, else after the place."""
        known = self.looks_like not in credentials.UNNAMED
        return propose_name(self.looks_like.partition(" ")[2] if known else self.place)

    @property
    def can_be_replaced(self) -> bool:
        """Whether a placeholder can stand in its place, or beside it where a URL can be split."""
        return bool(_HOLDS_PLACEHOLDERS.fullmatch(self.field)) or self.is_in_base_path

    @property
    def is_in_base_path(self) -> bool:
        """Whether it is a part of a base URL's path, from where it can move to the path."""
        return self.field == "config.base_url" and self.looks_like != credentials.ADDRESS


def find(name: str, description: str, config: Mapping[str, Any]) -> list[Pasted]:
    """Every raw credential of an integration, in the order of its fields; the configuration may be of any shape."""
    texts = [("name", "Name", "", name), ("description", "Description", "", description), *_texts_of(config)]
    return [pasted for where, place, under, text in texts for pasted in _find_in(where, place, under, text)]


def new_since(found: list[Pasted], stored: list[Pasted]) -> list[Pasted]:
    """Those that were not there before: what was kept knowingly is not asked about again."""
    known = {pasted.text for pasted in stored}
    return [pasted for pasted in found if pasted.text not in known]


def replaced_everywhere(config: Mapping[str, Any], text: str, name: str) -> dict[str, Any]:
    """A copy of the configuration with the secret `name` wherever this credential stands and a secret can."""
    changed: dict[str, Any] = copy.deepcopy(dict(config))
    while standing := [each for each in find("", "", changed) if each.text == text and each.can_be_replaced]:
        _replace(changed, standing[0], name)
    return changed


def _replace(changed: dict[str, Any], pasted: Pasted, name: str) -> None:
    *way, last = steps(pasted.field)
    holder: Any = changed
    for step in way:
        holder = holder[step]
    text = holder[last]
    written = text[: pasted.start] + str(SecretPlaceholder(name)) + text[pasted.end :]
    if pasted.is_in_base_path:
        split = text.rindex("/", 0, pasted.start)
        holder[last], changed["path"] = written[:split], written[split:] + changed.get("path", "")
    else:
        holder[last] = written


def _texts_of(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Every string: its field, the field in words, what it is called there, and itself."""
    for way, under, text in _strings(config, (), ""):
        yield field_path(way), _in_words(way, under), under, text


def _strings(node: object, way: tuple[Step, ...], under: str) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    if isinstance(node, str):
        yield way, under, node
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _strings(item, (*way, index), under)
    elif isinstance(node, Mapping):
        for key, item in node.items():
            named = node.get("name") if key == "value" else None
            yield from _strings(item, (*way, str(key)), named if isinstance(named, str) else str(key))


def _in_words(way: tuple[Step, ...], under: str) -> str:
    place = str(way[0])
    words = _WORDS.get(place, place.replace("_", " ").capitalize())
    return f"{words} {under}" if way[-1] == "value" and len(way) > 1 else words


def _find_in(where: str, place: str, under: str, text: str) -> Iterator[Pasted]:
    for start, literal in _literals(text):
        for found in credentials.find(literal, under=under):
            first, end = start + found.start, start + found.end
            yield Pasted(where, place, first, end, found.looks_like, _spoken(text, text[first:end]))


def _literals(text: str) -> Iterator[tuple[int, str]]:
    """The pieces between placeholders with their positions; all of a text whose placeholders are malformed."""
    try:
        parts = parse(text).parts
    except MalformedPlaceholder:
        parts = (text,)
    start = 0
    for part in parts:
        if isinstance(part, str):
            yield start, part
        start += len(str(part))


def _spoken(whole: str, written: str) -> str:
    """A piece of a JSON document without its escapes; of any other text, the piece."""
    if not whole.lstrip().startswith(("{", "[")) or "\\" not in written:
        return written
    try:
        json.loads(whole)
        return str(json.loads(f'"{written}"'))
    except ValueError:
        return written
