"""File arguments: how they are declared, and the bytes that they stand for.

JSON cannot hold bytes, so a file is base64: as a text (`"contentEncoding": "base64"`), or as an object with a name and
a media type (`"format": "file"`).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_app.naming.value_traits import CONTROL

FILE = "file"
FILE_PROPERTIES: dict[str, Any] = {
    "content": {"type": "string", "contentEncoding": "base64", "description": "The bytes of the file in base64."},
    "name": {"type": "string", "maxLength": 255, "description": "The name of the file."},
    "media_type": {"type": "string", "maxLength": 255, "description": "Its media type, such as audio/mpeg."},
}
"""The members of a file argument, as callers see them."""

_BASE64_FORMATS = {"byte", "binary", "base64"}
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:[ \t]*;[ \t]*[\x21-\x7e \t]+)?")


@dataclass(frozen=True, slots=True)
class File:
    """A file argument, decoded."""

    content: bytes = field(repr=False)
    name: str = ""
    media_type: str = ""


def is_file(declared: Mapping[str, Any]) -> bool:
    """Return whether a parameter is declared as a file with a name and a media type."""
    return declared.get("format") == FILE and declared.get("type", "object") == "object"


def is_base64(declared: Mapping[str, Any]) -> bool:
    """Return whether a parameter is declared as base64 text."""
    encoded = declared.get("contentEncoding") == "base64" or declared.get("format") in _BASE64_FORMATS
    return encoded and declared.get("type", "string") == "string"


def as_callers_see(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration of a parameter with what it means written out: the members of a file, base64."""
    shown = dict(declared)
    if is_file(declared):
        shown |= {"type": "object", "properties": FILE_PROPERTIES, "required": ["content"]}
        shown["additionalProperties"] = False
    elif is_base64(declared):
        shown |= {"type": "string", "contentEncoding": "base64"}
    elif isinstance(declared.get("items"), Mapping):
        shown["items"] = as_callers_see(declared["items"])
    return shown


def file_of(argument: object) -> File | None:
    """Return the file that an argument stands for; None if it is neither a file nor base64."""
    if isinstance(argument, Mapping):
        content = decode_base64(argument.get("content"))
        return None if content is None else File(content, argument.get("name", ""), argument.get("media_type", ""))
    decoded = decode_base64(argument)
    return None if decoded is None else File(decoded)


def decode_base64(text: object) -> bytes | None:
    """Decode base64 in either alphabet, with or without padding and line breaks; None if it is not base64."""
    if not isinstance(text, str) or not text.isascii():
        return None
    compact = "".join(text.split()).rstrip("=").translate(_STANDARD)
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def is_media_type(text: str) -> bool:
    """Return whether a text is a media type with optional parameters, in visible ASCII."""
    return bool(_MEDIA_TYPE.fullmatch(text)) and text == text.strip()


def fits_in_head(text: str) -> bool:
    """Return whether a name can stand in the head of a part: it has no line break or other control character."""
    return CONTROL.search(text) is None


_STANDARD = str.maketrans("-_", "+/")
