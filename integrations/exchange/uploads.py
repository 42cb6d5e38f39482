"""Bodies that carry files: `multipart/form-data` (RFC 7578) and bare bytes."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from accounts.errors import FieldError
from integrations.errors import InvalidArguments
from integrations.templating.entries import ListStyle, fill_entries, shown_name
from integrations.templating.files import File, file_of, fits_in_head, is_media_type
from integrations.templating.json_body import is_left_out
from integrations.templating.placeholders import Template
from integrations.templating.slots import Filling, fill_text

ANY_BYTES = "application/octet-stream"

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class FormPart:
    """A part of a multipart body. All but the name may hold placeholders.

    Attributes:
        holds_file: whether the value is exactly one argument that is a file or a list of files.
        filename: empty for a field without a file name; for a file, its own name is used then.
        content_type: empty for the media type of the file, or of text.
    """

    name: str
    value: Template
    filename: Template
    content_type: Template
    style: ListStyle = ListStyle.REPEATED
    holds_file: bool = False

    @property
    def templates(self) -> tuple[Template, ...]:
        """The texts that may hold placeholders."""
        return (self.value, self.filename, self.content_type)


@dataclass(frozen=True, slots=True)
class _Section:
    """A part as it is sent."""

    head: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MultipartBody:
    """Fields and files sent as `multipart/form-data`."""

    parts: tuple[FormPart, ...]
    sets_media_type: ClassVar[bool] = True

    @property
    def templates(self) -> tuple[Template, ...]:
        """The texts of all parts."""
        return tuple(template for part in self.parts for template in part.templates)

    def encoded(self, filling: Filling) -> tuple[bytes, str]:
        """Return the body and its media type, which names a boundary that occurs in no part.

        Raises:
            InvalidArguments: a file, its name or its media type cannot be sent.
        """
        sections = [section for part in self.parts for section in _sections(part, filling)]
        boundary = _boundary(sections)
        pieces = [
            piece
            for section in sections
            for piece in (f"--{boundary}\r\n{section.head}\r\n\r\n".encode(), section.content, b"\r\n")
        ]
        return b"".join([*pieces, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


@dataclass(frozen=True, slots=True)
class BinaryBody:
    """The bytes of one file argument.

    Attributes:
        content_type: empty for the media type of the file.
    """

    content: Template
    content_type: Template

    @property
    def sets_media_type(self) -> bool:
        """Whether the media type does not come from the file alone."""
        return bool(self.content_type.parts)

    @property
    def templates(self) -> tuple[Template, ...]:
        """The argument and the media type."""
        return (self.content, self.content_type)

    def encoded(self, filling: Filling) -> tuple[bytes | None, str]:
        """Return the body and its media type; None if the argument is absent.

        Raises:
            InvalidArguments: the argument is not a file, or its media type cannot be sent.
        """
        param = self.content.whole_param or ""
        argument = filling.params.get(param)
        if argument is None:
            return None, ""
        file = _file(param, argument)
        return _shown(file, filling), _media_type(self.content_type, filling, param, file.media_type or ANY_BYTES)


def _sections(part: FormPart, filling: Filling) -> Iterator[_Section]:
    """Yield what a part is sent as: nothing if its argument is absent or null, one section for each element."""
    if not part.holds_file:
        content_type = _filled(part.content_type, filling)
        for name, text in fill_entries(part.name, part.value, part.style, filling, fill_text):
            yield _Section(_head(part, name, filling, File(b""), content_type and _TEXT), text.encode())
        return
    param = part.value.whole_param or ""
    argument = filling.params.get(param)
    name = shown_name(part.name, part.style)
    for place, given in _elements(param, argument):
        file = _file(place, given)
        named = file if file.name else File(file.content, "file", file.media_type)
        yield _Section(_head(part, name, filling, named, named.media_type or ANY_BYTES, place), _shown(file, filling))


def _elements(param: str, argument: object) -> list[tuple[str, object]]:
    if isinstance(argument, list):
        return [(f"{param}[{index}]", element) for index, element in enumerate(argument)]
    return [] if argument is None else [(param, argument)]


def _file(param: str, argument: object) -> File:
    file = file_of(argument)
    if file is None:
        raise _refused(param, "Give the bytes of the file in base64.")
    return file


def _shown(file: File, filling: Filling) -> bytes:
    """Return the bytes of a file; in a preview, how many there are."""
    return f"({len(file.content):,} bytes)".encode() if filling.is_preview else file.content


def _head(part: FormPart, name: str, filling: Filling, file: File, usual: str, param: str = "") -> str:
    """Return the header lines of a part.

    Args:
        usual: the media type if the part sets none; empty for none at all.
    """
    filename = _filled(part.filename, filling) or file.name
    disposition = f'Content-Disposition: form-data; name="{_quoted(name, "")}"'
    if filename:
        disposition += f'; filename="{_quoted(filename, param or _param_of(part.filename))}"'
        usual = usual or _TEXT
    media_type = _media_type(part.content_type, filling, param or _param_of(part.content_type), usual)
    return f"{disposition}\r\nContent-Type: {media_type}" if media_type else disposition


def _filled(template: Template, filling: Filling) -> str:
    return "" if is_left_out(template, filling) else fill_text(template, filling)


def _media_type(template: Template, filling: Filling, param: str, usual: str) -> str:
    media_type = _filled(template, filling) or usual
    if media_type and not filling.is_preview and not is_media_type(media_type):
        raise _refused(param, "Give a media type such as audio/mpeg.")
    return media_type


def _quoted(text: str, param: str) -> str:
    """Return a name for a quoted string, encoded as browsers do (HTML Standard, "Multipart form data").

    Raises:
        InvalidArguments: it holds a control character.
    """
    if not fits_in_head(text):
        raise _refused(param, "Leave line breaks and other control characters out of the name of the file.")
    return text.replace('"', "%22")


def _param_of(template: Template) -> str:
    return next(iter(template.param_names), "")


def _boundary(sections: list[_Section]) -> str:
    """Return a random boundary that occurs in none of the sections."""
    while True:
        boundary = f"coffer-{secrets.token_hex(16)}"
        if not any(boundary.encode() in section.content or boundary in section.head for section in sections):
            return boundary


def _refused(param: str, sentence: str) -> InvalidArguments:
    place = f"params.{param}" if param else "params"
    return InvalidArguments("The arguments do not match.", errors=[FieldError(place, sentence)])
