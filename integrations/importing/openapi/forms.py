"""Fields of a form and parts of a multipart body, as parameters of an action and entries that send them.

Some forms have more fields than an action has parameters. Those that are required are taken first, then those that are
nested least.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from integrations.importing import texts
from integrations.importing.arguments import Arguments
from integrations.importing.drafts import NotImportable
from integrations.importing.nodes import as_list, as_object
from integrations.importing.openapi.parameters import MOST_ENTRIES, as_entry
from integrations.importing.openapi.schemas import FILE, SchemaReader, is_binary, only_value_of, required_of
from integrations.templating.parameter_schemas import MAX_PARAMETERS

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_DEEPEST, _MOST_READ, _MOST_NAMED = 3, 2000, 3


@dataclass(frozen=True, slots=True, order=True)
class _Field:
    """A field, by the order in which fields are taken."""

    is_optional: bool
    depth: int
    number: int
    name: str = field(compare=False)
    schema: object = field(compare=False)
    encoding: Mapping[str, Any] = field(compare=False)


class FormReader:
    """Reads the form of one operation."""

    def __init__(self, schemas: SchemaReader, arguments: Arguments, notes: list[str]) -> None:
        """Start without fields.

        Args:
            arguments: receives the declarations.
            notes: receives what was left out.
        """
        self._schemas, self._arguments, self._notes = schemas, arguments, notes
        self._waiting: list[_Field] = []
        self._read = 0

    def body(self, media: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Return the body of an action.

        Args:
            kind: `form` or `multipart`.

        Raises:
            NotImportable: a field that is required cannot be sent.
        """
        raw, encodings = self._schemas.flat(media.get("schema")), as_object(media.get("encoding"))
        for name, schema in self._schemas.members_of(raw).items():
            self._add(name not in required_of(raw), 0, name, schema, as_object(encodings.get(name)))
        entries: list[dict[str, str]] = []
        while self._waiting and not (self._waiting[0].is_optional and self._is_full(entries)):
            entries += self._entries(heappop(self._waiting), kind)
        self._note_the_rest()
        return {"type": kind, "content": entries[:MOST_ENTRIES]}

    def _add(self, is_optional: bool, depth: int, name: str, schema: object, encoding: Mapping[str, Any]) -> None:
        if self._read < _MOST_READ:
            self._read += 1
            heappush(self._waiting, _Field(is_optional, depth, self._read, name, schema, encoding))

    def _is_full(self, entries: Sequence[object]) -> bool:
        return self._arguments.is_full or len(entries) >= MOST_ENTRIES

    def _note_the_rest(self) -> None:
        names = [texts.plain(each.name, 60) for each in sorted(self._waiting)]
        if names:
            shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
            count = "1 field was" if len(names) == 1 else f"{len(names)} fields were"
            self._notes.append(f"{count} left out, for an action has at most {MAX_PARAMETERS} parameters: {shown}")

    def _entries(self, one: _Field, kind: str) -> list[dict[str, str]]:
        """Return what sends a field; nothing if it cannot be sent and nobody has to, or if its members wait now."""
        try:
            return list(self._read_field(one, kind))
        except NotImportable as problem:
            if not one.is_optional and not one.depth:
                raise
            self._notes.append(f"{texts.plain(one.name, 60)} was left out. {problem}")
            return []

    def _read_field(self, one: _Field, kind: str) -> Iterator[dict[str, str]]:
        raw = self._in_form(self._schemas.flat(one.schema))
        fixed = only_value_of(raw)
        if not one.is_optional and isinstance(fixed, str):
            yield {"name": one.name, "value": fixed}
        elif kind == "multipart":
            yield self._part(one, raw)
        elif _is_object(raw):
            self._add_members(one, raw)
        else:
            declared = as_entry(self._schemas.declared(raw))
            style = _list_style(one.encoding) if declared.get("type") == "array" else {}
            yield {"name": one.name, "value": self._argument(one, declared), **style}

    def _in_form(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return of several alternatives the one that fits in a form best: an object with members, else a text."""
        listed = as_list(raw.get("anyOf") or raw.get("oneOf"))[:MOST_ENTRIES]
        best = _best([self._schemas.flat(each) for each in listed])
        return {"description": raw.get("description"), **best} if best else raw

    def _add_members(self, one: _Field, raw: Mapping[str, Any]) -> None:
        if self._read >= _MOST_READ and one.depth < _DEEPEST and as_object(raw.get("properties")):
            return  # not one of them would be taken any more
        members, required = self._schemas.members_of(raw), required_of(raw)
        if not members or one.depth >= _DEEPEST:
            raise NotImportable("A form has no field for an object whose members are not known.")
        for member, schema in members.items():
            is_optional = one.is_optional or member not in required
            self._add(is_optional, one.depth + 1, f"{one.name}[{member}]", schema, one.encoding)

    def _part(self, one: _Field, raw: Mapping[str, Any]) -> dict[str, str]:
        items = self._schemas.flat(raw.get("items")) if raw.get("type") == "array" else {}
        said = {"description": texts.plain(raw.get("description"), texts.LONGEST_HINT)}
        if is_binary(raw):
            declared: dict[str, Any] = {**FILE, **said}
        elif items and is_binary(items):
            declared = {"type": "array", "items": FILE, **said}
        else:
            declared = as_entry(self._schemas.declared(raw))
        is_json = _is_object(raw) and not is_binary(raw)
        content_type = {"content_type": "application/json"} if is_json else {}
        return {"name": one.name, "value": self._argument(one, declared), **content_type}

    def _argument(self, one: _Field, declared: dict[str, Any]) -> str:
        return self._arguments.add(one.name, declared, required=not one.is_optional, place="body")


def _is_object(raw: Mapping[str, Any]) -> bool:
    return raw.get("type") == "object" or bool(raw.get("properties"))


def _best(alternatives: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    plain = [each for each in alternatives if not _is_object(each) and each.get("enum") != [""]]
    if all(each.get("enum") for each in plain):  # as in: an object, or "" to remove it
        plain = [each for each in alternatives if each.get("properties")] + plain
    return next(iter(plain or alternatives), {})


def _list_style(encoding: Mapping[str, Any]) -> dict[str, str]:
    if encoding.get("style") == "deepObject":
        return {"style": "brackets"}
    return {"style": "comma"} if encoding.get("explode") is False else {}
