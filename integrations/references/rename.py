"""Renaming a secret in a configuration.

Placeholders are found through the kind's slots and renamed in place; all other characters are kept, including escapes
and white space in a JSON body. This module depends on no particular kind: a slot names its field, which holds either
the text of the slot or a JSON document that contains it.
"""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from integrations.kinds.base import Kind
from integrations.templating.placeholders import SecretPlaceholder, Template, parse

_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]", re.ASCII)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_HIGH, _LOW, _ANY = r"\\u[dD][89abAB]\w\w", r"\\u[dD][c-fC-F]\w\w", r"\\u\w{4}"
_CHARACTER = re.compile(rf"{_HIGH}{_LOW}|{_ANY}|\\.|[^\\]")


def rewritten(kind: Kind[Any], config: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return a copy of a stored configuration in which the secret `old` is renamed to `new`.

    Raises:
        Invalid: a text becomes longer than its field allows.
        RuntimeError: a placeholder of the kind could not be found; nothing may be stored then.
    """
    before = kind.slots(kind.read(config))
    changed: dict[str, Any] = copy.deepcopy(dict(config))
    sources: dict[str, set[str]] = {}
    for slot in before:
        if old in slot.template.secret_names:
            sources.setdefault(slot.field, set()).add(slot.template.source)
    for field, templates in sources.items():
        *parents, last = steps(field)
        holder: Any = changed
        for step in parents:
            holder = holder[step]
        text = holder[last]
        holder[last] = parse(text).renamed(old, new).source if text in templates else _in_json(text, old, new)
    wanted = [(slot.path, slot.field, slot.template.renamed(old, new)) for slot in before]
    if wanted != [(slot.path, slot.field, slot.template) for slot in kind.slots(kind.read(changed))]:
        raise RuntimeError(f"A placeholder of {kind.key} could not be rewritten.")
    return changed


def steps(field: str) -> list[str | int]:
    """Return the keys and indexes that lead to a field: `config.headers[0].value`."""
    return [match["name"] or int(match["index"]) for match in _STEP.finditer(field)]


def _in_json(text: str, old: str, new: str) -> str:
    return _JSON_STRING.sub(lambda match: _in_json_string(match[0], old, new), text)


def _in_json_string(raw: str, old: str, new: str) -> str:
    """Rename in one JSON string, quotes included. Placeholders may be written with escapes."""
    template = parse(json.loads(raw))
    if old not in template.secret_names:
        return raw
    return f'"{"".join(_spelt(template, _CHARACTER.findall(raw[1:-1]), old, new))}"'


def _spelt(template: Template, characters: list[str], old: str, new: str) -> list[str]:
    """Return the parts of a template as written in the document.

    Args:
        characters: the document's spelling of each character.
    """
    spelt, start = [], 0
    for part in template.parts:
        end = start + len(str(part))
        renamed = part == SecretPlaceholder(old)
        spelt.append(str(SecretPlaceholder(new)) if renamed else "".join(characters[start:end]))
        start = end
    return spelt
