"""Rules for an API action's configuration whose fields and types are valid (docs/security-rules.md, "Slots").

Errors quote nothing of the input but the names of parameters.
"""

from collections.abc import Iterable, Iterator

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
from integrations.templating.json_body import JsonBodyError, parse_json_body, whole_leaf_param
from integrations.templating.parameter_schemas import check_schema, is_always_given, may_be_text


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
    declared = config.parameters.get("properties", {})
    for name in slot.template.param_names:
        if name not in declared:
            yield FieldError(slot.field, f"Declare {name} under parameters, or remove {{params.{name}}}.")
        elif not is_always_given(config.parameters, name):
            yield FieldError(slot.field, f"Make {name} required or give it a default: nothing can be sent without it.")
        elif not _keeps_type(config, slot) and not may_be_text(config.parameters, name):
            yield FieldError(slot.field, f"Declare {name} as string, number, integer or boolean to use it in a text.")


def _keeps_type(config: ApiActionConfig, slot: Slot) -> bool:
    """Return whether a slot is a JSON string that consists of one parameter, which may be a list or object."""
    is_json = slot.path == "body" and config.body.type == "json"
    return is_json and whole_leaf_param(slot.template) is not None
