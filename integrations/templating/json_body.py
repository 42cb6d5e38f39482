"""JSON bodies whose strings may hold placeholders.

The template is parsed as JSON first and its strings are filled afterwards, so no value can break out of its quotes
(docs/security-rules.md, "Slots"). Keys are fixed; numbers, booleans and null are sent as parsed.

It also limits JSON from outside (valid Unicode, bounded numbers, bounded depth), so that later code can recurse and
store it without checks of its own. Numbers keep their spelling (`accounts/common/fields.py`).
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accounts.common.fields import WrittenNumber, as_written, write_json
from accounts.errors import FieldError
from integrations.errors import InvalidArguments
from integrations.templating.placeholders import MalformedPlaceholder, Template, parse
from integrations.templating.slots import Filling, fill_text

MAX_DEPTH = 32
MAX_VALUE_DEPTH = 16
LARGEST_NUMBER = 10**100

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class JsonBodyError(ValueError):
    """The JSON body cannot be used. The message gives line and column where possible and never quotes the body."""


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A parsed JSON document in which every string is a `Template`. It is never changed after parsing."""

    tree: object = field(hash=False)

    @property
    def templates(self) -> tuple[Template, ...]:
        """The strings of the document, in order."""
        return tuple(_leaves(self.tree))


def parse_json_body(text: str) -> JsonBody:
    """Parse a JSON body.

    Raises:
        JsonBodyError: the text is not strict JSON, a key holds a placeholder, or a placeholder is malformed.
    """
    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise JsonBodyError(f"This is not JSON: look at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise JsonBodyError(_TOO_DEEP) from None
    return JsonBody(_parsed(document, depth=0))


def render_json_body(body: JsonBody, filling: Filling, *, indent: int | None = None) -> str | None:
    """Return the document as ASCII JSON; with `indent`, as readable Unicode for a preview.

    A member or element whose string is exactly one absent argument is left out.

    Returns:
        None if the whole document is one absent argument.

    Raises:
        InvalidArguments: an argument inside a longer string is missing, or one cannot be written as JSON.
    """
    if is_left_out(body.tree, filling):
        return None
    try:
        return write_json(_filled(body.tree, filling), is_ascii=indent is None, indent=indent)
    except (ValueError, TypeError, RecursionError):
        sentence = "An argument is not JSON: infinity, a number that is too large, or lists that are too deep."
        raise InvalidArguments(sentence, errors=[FieldError("params", sentence)]) from None


_TOO_DEEP = f"Nest lists and objects at most {MAX_DEPTH} deep."
_CONSTANTS = "NaN and Infinity are not JSON; write a number, a string or null."


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object; refuse duplicate keys, which servers read differently."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise JsonBodyError("An object contains the same key twice; keep one of them.")
    return result


def _refuse_constant(_: str) -> object:
    raise JsonBodyError(_CONSTANTS)


def _finite(text: str) -> WrittenNumber:
    number = WrittenNumber(text)
    if math.isfinite(number):
        return number
    raise JsonBodyError("A number is too large; write it as a string.")


def _integer(text: str) -> int | WrittenNumber:
    if len(text) > 300:  # noqa: PLR2004 - far beyond any double, far below Python's own limit
        raise JsonBodyError("A number is too large; write it as a string.")
    return as_written(text)


def _parsed(node: object, *, depth: int) -> object:
    """Return the document with its strings parsed and its keys checked."""
    if depth > MAX_DEPTH:
        raise JsonBodyError(_TOO_DEEP)
    if isinstance(node, dict):
        return {_key(key): _parsed(value, depth=depth + 1) for key, value in node.items()}
    if isinstance(node, list):
        return [_parsed(value, depth=depth + 1) for value in node]
    return _template(node) if isinstance(node, str) else node


def _key(key: str) -> str:
    template = _template(key)
    if template.secret_names or template.param_names:
        raise JsonBodyError("A key cannot hold a placeholder; placeholders go into the values.")
    return key


def _template(text: str) -> Template:
    try:
        text.encode()
        return parse(text)
    except UnicodeEncodeError:
        raise JsonBodyError("A string contains an unpaired surrogate; write the whole character.") from None
    except MalformedPlaceholder as error:
        raise JsonBodyError(f"In a string of the JSON body: {error}") from None


def _leaves(node: object) -> Iterator[Template]:
    if isinstance(node, Template):
        yield node
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _leaves(child)


def _filled(node: object, filling: Filling) -> object:
    if isinstance(node, dict):
        return {key: _filled(value, filling) for key, value in node.items() if not is_left_out(value, filling)}
    if isinstance(node, list):
        return [_filled(value, filling) for value in node if not is_left_out(value, filling)]
    return _filled_leaf(node, filling) if isinstance(node, Template) else node


def is_left_out(node: object, filling: Filling) -> bool:
    """Return whether a node is a string of exactly one parameter without an argument."""
    param = node.whole_param if isinstance(node, Template) else None
    return param is not None and param not in filling.params


def _filled_leaf(template: Template, filling: Filling) -> object:
    param = template.whole_param
    return filling.argument(param) if param else fill_text(template, filling)


def problem_with_json(value: object, *, depth: int = 0) -> str | None:
    """Return why a JSON value is refused, in a sentence that quotes nothing; None if it is accepted."""
    if depth > MAX_VALUE_DEPTH:
        return f"Nest lists and objects at most {MAX_VALUE_DEPTH} deep."
    if isinstance(value, Mapping):
        children = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple):
        children = list(value)
    else:
        return _problem_with_scalar(value)
    problems = (problem_with_json(child, depth=depth + 1) for child in children)
    return next((problem for problem in problems if problem), None)


def _problem_with_scalar(value: object) -> str | None:
    if isinstance(value, str):
        return "Remove NUL characters and unpaired surrogates." if _UNSTORABLE.search(value) else None
    if isinstance(value, int | float):
        return None if abs(value) <= LARGEST_NUMBER else "A number is too large."  # also refuses NaN
    return None if value is None else "This is not JSON."
