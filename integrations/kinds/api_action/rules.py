"""Rules for an API action's configuration whose fields and types are valid (docs/security-rules.md, "Slots").

Errors quote nothing of the input but the names of parameters.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from accounts.errors import FieldError
from integrations.exchange.returns import problem_with_expression
from integrations.kinds.api_action.config import ApiActionConfig, BodyConfig, ReturnsConfig
from integrations.kinds.base import Slot
from integrations.kinds.config_fields import (
    base_url_problems,
    problem_with_fixed_name,
    problem_with_template,
    template_of,
)
from integrations.kinds.http_parts import header_problems, path_problems, query_problems
from integrations.templating.files import fits_in_head, is_media_type
from integrations.templating.json_body import JsonBodyError, parse_json_body
from integrations.templating.parameter_schemas import (
    check_schema,
    is_always_given,
    may_be_file,
    may_be_file_object,
    may_be_one_file,
    may_be_text,
)


def problems_of_parts(config: ApiActionConfig) -> list[FieldError]:
    """Return what is wrong with base URL, path, headers, query, body, parameters and check."""
    return [
        *_address_problems(config),
        *path_problems("config.path", config.path),
        *header_problems(config.headers),
        *query_problems(config.query),
        *_body(config),
        *check_schema(config.parameters),
        *_check(config),
        *_returns(config.returns),
    ]


def _address_problems(config: ApiActionConfig) -> Iterator[FieldError]:
    if config.base_url and config.connection:
        yield FieldError("config.base_url", "Leave the base URL out: it comes from the connection.")
    elif not config.base_url and not config.connection:
        yield FieldError("config.base_url", "Enter a base URL, or choose a connection.")
    else:
        yield from base_url_problems(config.base_url)


def problems_with_params(config: ApiActionConfig, slots: Iterable[Slot]) -> list[FieldError]:
    """Return an error for each parameter that is undeclared, optional or has no single spelling as text."""
    return [error for slot in slots for error in _slot_params(config, slot)]


def _body(config: ApiActionConfig) -> Iterator[FieldError]:
    body = config.body
    if body.content_type and body.type != "binary":
        yield FieldError("config.body.content_type", "Only a binary body has a media type here; use a header.")
    if body.type == "none":
        if body.content:
            yield FieldError("config.body.content", "Choose a type for the body, or leave its content out.")
    elif config.method == "HEAD":
        yield FieldError("config.body.type", "A HEAD request has no body; choose none or another method.")
    elif body.type in {"form", "multipart"}:
        yield from _form(body)
    elif not isinstance(body.content, str):
        yield FieldError("config.body.content", "Enter the body as a text.")
    elif body.type == "json":
        yield from _json(body.content)
    else:
        yield from problem_with_template("config.body.content", body.content)
        yield from problem_with_template("config.body.content_type", body.content_type)
    yield from _media_types(config)


def _form(body: BodyConfig) -> Iterator[FieldError]:
    if not isinstance(body.content, list):
        yield FieldError("config.body.content", "Enter the fields as a list of names and values.")
        return
    for index, entry in enumerate(body.content):
        field = f"config.body.content[{index}]"
        yield from problem_with_fixed_name(f"{field}.name", entry.name)
        if body.type == "multipart" and not fits_in_head(entry.name):
            yield FieldError(f"{field}.name", "Leave line breaks and other control characters out of the name.")
        yield from problem_with_template(f"{field}.value", entry.value)
        for part in ("filename", "content_type"):
            if getattr(entry, part) and body.type == "form":
                yield FieldError(f"{field}.{part}", "Choose the type multipart to send files.")
            yield from problem_with_template(f"{field}.{part}", getattr(entry, part))


def _media_types(config: ApiActionConfig) -> Iterator[FieldError]:
    """Yield malformed media types, and a header that contradicts the media type of the body."""
    body, places = config.body, {"config.body.content_type": config.body.content_type}
    if isinstance(body.content, list):
        places |= {f"config.body.content[{i}].content_type": entry.content_type for i, entry in enumerate(body.content)}
    for field, text in places.items():
        template = template_of(text)
        if text and template and not (template.param_names or template.secret_names) and not is_media_type(text):
            yield FieldError(field, "Enter a media type such as audio/mpeg.")
    yield from _contradictions(config)


def _contradictions(config: ApiActionConfig) -> Iterator[FieldError]:
    if config.body.type == "multipart" or config.body.content_type:
        for index, entry in enumerate(config.headers):
            if entry.name.lower() == "content-type":
                sentence = "Remove this header: the body brings its own media type."
                yield FieldError(f"config.headers[{index}].name", sentence)


def _json(content: str) -> Iterator[FieldError]:
    try:
        parse_json_body(content)
    except JsonBodyError as error:
        yield FieldError("config.body.content", str(error))


def _check(config: ApiActionConfig) -> Iterator[FieldError]:
    if config.check is None:
        return
    yield from path_problems("config.check.path", config.check.path)
    template = template_of(config.check.path)
    if template and template.param_names:
        yield FieldError("config.check.path", "A check runs without arguments; write the path out.")


def _returns(returns: ReturnsConfig) -> Iterator[FieldError]:
    if returns.type != "fields":
        if returns.expression:
            yield FieldError("config.returns.expression", "Choose the fields, or leave the expression out.")
        return
    if problem := problem_with_expression(returns.expression):
        yield FieldError("config.returns.expression", problem)


def _slot_params(config: ApiActionConfig, slot: Slot) -> Iterator[FieldError]:
    whole = slot.template.whole_param
    for name in slot.template.param_names:
        if problem := _problem_with_param(config, slot, name, is_whole=name == whole):
            yield FieldError(slot.field, problem)
    if config.body.type == "binary" and slot.field == "config.body.content" and whole is None:
        yield FieldError(slot.field, f"Enter one parameter and nothing else, such as {{params.file}}. {_FILE.format()}")


def _problem_with_param(config: ApiActionConfig, slot: Slot, name: str, *, is_whole: bool) -> str | None:
    """Return why a parameter cannot stand in a slot; None if it can."""
    declared = config.parameters
    if name not in declared.get("properties", {}):
        return f"Declare {name} under parameters, or remove {{params.{name}}}."
    if not is_always_given(declared, name) and (not is_whole or slot.path == "path"):
        return (_NEEDED if slot.path == "path" else _NEEDED_IN_TEXT).format(name=name)
    return _problem_as_whole(config, slot, name) if is_whole else _problem_as_text(declared, name)


def _problem_as_whole(config: ApiActionConfig, slot: Slot, name: str) -> str | None:
    """Return why a parameter cannot be the whole text of a slot."""
    if slot.path == "body" and slot.field.endswith(("content", "].value")):
        return _problem_in_body(config, name)
    is_entry = slot.path.startswith("query.")
    return _problem_as_text(config.parameters, name, may_be_list=is_entry, may_be_null=slot.path != "path")


def _problem_in_body(config: ApiActionConfig, name: str) -> str | None:
    """Return why a parameter cannot be a whole member, field, part or body."""
    kind, declared = config.body.type, config.parameters
    if kind == "json":
        return (
            f"A file does not go into JSON: declare {name} as base64 text."
            if may_be_file_object(declared, name)
            else None
        )
    if kind == "binary":
        return None if may_be_one_file(declared, name) else _FILE.format()
    if kind == "multipart" and may_be_file(declared, name):
        return None
    return _problem_as_text(declared, name, may_be_list=kind in {"form", "multipart"}, may_be_null=True)


def _problem_as_text(
    declared: Mapping[str, Any], name: str, *, may_be_list: bool = False, may_be_null: bool = False
) -> str | None:
    if may_be_text(declared, name, may_be_list=may_be_list, may_be_null=may_be_null):
        return None
    if may_be_list:
        return f"Declare {name} as string, number, integer, boolean, or as an array whose items are one of these."
    return f"Declare {name} as string, number, integer or boolean to use it in a text."


_FILE = (
    'Declare it as a file, {{"type": "object", "format": "file"}}, or as base64 text, '
    '{{"type": "string", "contentEncoding": "base64"}}.'
)
_NEEDED = "Make {name} required or give it a default: a path is never sent without it."
_NEEDED_IN_TEXT = (
    "Make {name} required or give it a default, or let it be the whole text of this entry: the entry is then left out "
    "when there is no argument."
)
