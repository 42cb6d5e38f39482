"""What an API action's configuration may not say although its shape is right.

Owns: the rules of DESIGN section 5 for each part of the call, spoken as field errors that quote nothing that was
entered but the names of parameters.
"""

from collections.abc import Iterable, Iterator

from accounts.errors import FieldError
from integrations.headers import problem_with_header_name, problem_with_header_text
from integrations.json_body import JsonBodyError, parse_json_body, whole_leaf_param
from integrations.kinds.api_action_config import ApiActionConfig, BodyConfig
from integrations.kinds.base import Slot
from integrations.kinds.fields import (
    Entry,
    holds_placeholder,
    problem_with_fixed_name,
    problem_with_template,
    template_of,
)
from integrations.paths import problem_with_path
from integrations.schemas import check_schema, is_always_given, may_be_text

_NOT_IN_BASE_URL = (
    "A base URL holds no placeholder, so that nobody can send a value to another host. "
    "Put it into the path, a query parameter, a header or the body."
)


def problems_of_parts(config: ApiActionConfig) -> list[FieldError]:
    """What is wrong with base URL, path, headers, query, body, parameters and check, each by itself."""
    return [
        *_base_url(config.base_url),
        *_path("config.path", config.path),
        *_headers(config.headers),
        *_query(config.query),
        *_body(config),
        *check_schema(config.parameters),
        *_check(config),
    ]


def problems_with_params(config: ApiActionConfig, slots: Iterable[Slot]) -> list[FieldError]:
    """Parameters that are used and not declared, not always given, or of a type that has no one spelling as text."""
    return [error for slot in slots for error in _slot_params(config, slot)]


def _base_url(url: str) -> Iterator[FieldError]:
    """Whether it may be called is judged by whoever saves it; here only what would surprise in a base URL."""
    if holds_placeholder(url):
        yield FieldError("config.base_url", _NOT_IN_BASE_URL)


def _path(field: str, text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif problem := problem_with_path(template):
        yield FieldError(field, problem)


def _headers(entries: list[Entry]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        field = f"config.headers[{index}]"
        if problem := problem_with_header_name(entry.name):
            yield FieldError(f"{field}.name", problem)
        if entry.name.lower() in seen:
            yield FieldError(f"{field}.name", "This header is listed above already; keep one of them.")
        seen.add(entry.name.lower())
        yield from _header_value(f"{field}.value", entry.value)


def _header_value(field: str, text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif problem := problem_with_header_text(template):
        yield FieldError(field, problem)


def _query(entries: list[Entry]) -> Iterator[FieldError]:
    for index, entry in enumerate(entries):
        yield from problem_with_fixed_name(f"config.query[{index}].name", entry.name)
        yield from problem_with_template(f"config.query[{index}].value", entry.value)


def _body(config: ApiActionConfig) -> Iterator[FieldError]:
    body = config.body
    if body.type == "none":
        if body.content:
            yield FieldError("config.body.content", "Choose a type for the body, or leave its content out.")
    elif config.method in {"GET", "HEAD"}:
        yield FieldError("config.body.type", f"A {config.method} request has no body; choose none or another method.")
    elif body.type == "form":
        yield from _form(body)
    elif not isinstance(body.content, str):
        yield FieldError("config.body.content", "Enter the body as a text.")
    else:
        yield from (
            _json(body.content) if body.type == "json" else problem_with_template("config.body.content", body.content)
        )


def _form(body: BodyConfig) -> Iterator[FieldError]:
    if not isinstance(body.content, list):
        yield FieldError("config.body.content", "Enter the form as a list of names and values.")
        return
    for index, entry in enumerate(body.content):
        yield from problem_with_fixed_name(f"config.body.content[{index}].name", entry.name)
        yield from problem_with_template(f"config.body.content[{index}].value", entry.value)


def _json(content: str) -> Iterator[FieldError]:
    try:
        parse_json_body(content)
    except JsonBodyError as error:
        yield FieldError("config.body.content", str(error))


def _check(config: ApiActionConfig) -> Iterator[FieldError]:
    if config.check is None:
        return
    yield from _path("config.check.path", config.check.path)
    template = template_of(config.check.path)
    if template and template.param_names:
        yield FieldError("config.check.path", "A check runs without arguments; write the path out.")


def _slot_params(config: ApiActionConfig, slot: Slot) -> Iterator[FieldError]:
    declared = config.parameters.get("properties", {})
    for name in slot.template.param_names:
        if name not in declared:
            yield FieldError(slot.field, f"Declare {name} under parameters, or remove {{params.{name}}}.")
        elif not is_always_given(config.parameters, name):
            yield FieldError(slot.field, f"Make {name} required or give it a default: nothing can be sent without it.")
        elif not _keeps_type(config, slot) and not may_be_text(config.parameters, name):
            yield FieldError(slot.field, f"Declare {name} as string, number, integer or boolean to use it in a text.")


def _keeps_type(config: ApiActionConfig, slot: Slot) -> bool:
    """Whether this is a string of a JSON body that consists of one parameter: that may be a list or an object."""
    is_json = slot.path == "body" and config.body.type == "json"
    return is_json and whole_leaf_param(slot.template) is not None
