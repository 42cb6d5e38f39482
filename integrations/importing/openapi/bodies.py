"""Bodies of an operation: JSON whose members are parameters, fields of a form, parts with files, or bytes."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.common.fields import write_json
from integrations.importing.arguments import Arguments
from integrations.importing.nodes import as_object
from integrations.importing.openapi.forms import FORM, MULTIPART, FormReader
from integrations.importing.openapi.schemas import FILE, SchemaReader, only_value_of, required_of


class BodyReader:
    """Reads the body of one operation."""

    def __init__(self, schemas: SchemaReader, arguments: Arguments, notes: list[str]) -> None:
        """Start without a body.

        Args:
            arguments: receives the declarations.
            notes: receives what was left out.
        """
        self._schemas, self._arguments, self._notes = schemas, arguments, notes

    def read(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """Return the body of an action, and the headers that it needs.

        Args:
            body: a request body of OpenAPI 3.

        Raises:
            NotImportable: something that is required cannot be sent.
        """
        offered = {name: as_object(each) for name, each in as_object(body.get("content")).items()}
        media_type = _preferred(offered)
        if media_type is None:
            return {"type": "none"}, []
        media, is_required = offered[media_type], body.get("required") is True
        bare = media_type.partition(";")[0].strip().lower()
        if _is_json(bare):
            header = [] if bare in {"application/json", "*/*"} else [{"name": "Content-Type", "value": media_type}]
            return self._json(media, is_required=is_required), header
        if bare in {FORM, MULTIPART}:
            form = FormReader(self._schemas, self._arguments, self._notes)
            return form.body(media, "form" if bare == FORM else "multipart"), []
        return self._whole(media, bare, is_required=is_required)

    def _json(self, media: Mapping[str, Any], *, is_required: bool) -> dict[str, Any]:
        raw = self._schemas.flat(media.get("schema"))
        members = self._schemas.members_of(raw)
        is_open = isinstance(raw.get("additionalProperties"), Mapping)
        varies = bool(raw.get("oneOf") or raw.get("anyOf"))
        if not members or is_open or varies or len(members) > self._arguments.room:
            declared = self._schemas.declared(media.get("schema"))
            content: Any = self._arguments.add("body", declared, required=is_required, place="body")
        else:
            content = dict(self._members(raw, members))
        return {"type": "json", "content": write_json(content, indent=2)}

    def _members(self, raw: Mapping[str, Any], members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        required = required_of(raw)
        for name, schema in members.items():
            fixed = only_value_of(self._schemas.flat(schema))
            if name in required and isinstance(fixed, str | bool | int):
                yield name, fixed
                continue
            declared = self._schemas.declared(schema)
            yield name, self._arguments.add(name, declared, required=name in required, place="body")

    def _whole(
        self, media: Mapping[str, Any], media_type: str, *, is_required: bool
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """Return a body that is one argument: a text such as XML, or bytes."""
        raw = self._schemas.flat(media.get("schema"))
        if media_type.startswith("text/") or media_type.endswith(("/xml", "+xml", "/yaml", "/x-ndjson")):
            described = {"type": "string", "description": f"The body, as {media_type}."}
            text = self._arguments.add("body", described, required=True, place="body")
            return {"type": "text", "content": text}, [{"name": "Content-Type", "value": media_type}]
        if not is_required and not raw:
            return {"type": "none"}, []
        value = self._arguments.add("file", FILE, required=is_required, place="body")
        fixed = {} if "*" in media_type else {"content_type": media_type}
        return {"type": "binary", "content": value, **fixed}, []


def _preferred(offered: Mapping[str, Any]) -> str | None:
    """Return the media type to send: JSON, then forms, then anything else."""

    def rank(name: str) -> int:
        bare = name.partition(";")[0].strip().lower()
        if bare == "application/json":
            return 0
        kinds = [_is_json(bare), bare == FORM, bare == MULTIPART]
        return kinds.index(True) + 1 if True in kinds else len(kinds) + 1

    return min(offered, key=rank, default=None)


def _is_json(bare: str) -> bool:
    return bare in {"application/json", "text/json", "*/*"} or bare.endswith("+json")
