"""A configuration in which a secret is called by another name.

Owns: finding each placeholder of the secret where the kind's slots say it was entered, and changing its name there;
every other character of the configuration stays as it was typed, escapes and white space of a JSON body included. It
knows no kind by name: a slot says in which field it stands, and whether that field is the slot's own text or a JSON
document with the slot as one of its strings.
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
    """A copy of a stored configuration with `new` wherever the secret `old` was named.

    Raises:
        RuntimeError: a kind keeps placeholders where this module does not find them; nothing may be stored then.
    """
    before = kind.slots(kind.read(config))
    changed: dict[str, Any] = copy.deepcopy(dict(config))
    sources: dict[str, set[str]] = {}
    for slot in before:
        if old in slot.template.secret_names:
            sources.setdefault(slot.field, set()).add(slot.template.source)
    for field, templates in sources.items():
        *way, last = steps(field)
        holder: Any = changed
        for step in way:
            holder = holder[step]
        text = holder[last]
        holder[last] = parse(text).renamed(old, new).source if text in templates else _in_json(text, old, new)
    wanted = [(slot.path, slot.field, slot.template.renamed(old, new)) for slot in before]
    if wanted != [(slot.path, slot.field, slot.template) for slot in kind.slots(kind.read(changed))]:
        raise RuntimeError(f"A placeholder of {kind.key} could not be rewritten.")
    return changed


def steps(field: str) -> list[str | int]:
    """`config.headers[0].value` as the keys and indexes that lead there."""
    return [match["name"] or int(match["index"]) for match in _STEP.finditer(field)]


def _in_json(text: str, old: str, new: str) -> str:
    return _JSON_STRING.sub(lambda match: _in_json_string(match[0], old, new), text)


def _in_json_string(raw: str, old: str, new: str) -> str:
    """One string as it is spelt, quotes included; a placeholder may be spelt with escapes."""
    template = parse(json.loads(raw))
    if old not in template.secret_names:
        return raw
    return f'"{"".join(_spelt(template, _CHARACTER.findall(raw[1:-1]), old, new))}"'


def _spelt(template: Template, characters: list[str], old: str, new: str) -> list[str]:
    """The template's parts in the spelling of the document; `characters` has one entry for each character."""
    spelt, start = [], 0
    for part in template.parts:
        end = start + len(str(part))
        renamed = part == SecretPlaceholder(old)
        spelt.append(str(SecretPlaceholder(new)) if renamed else "".join(characters[start:end]))
        start = end
    return spelt
