"""JSON bodies, read strictly."""

import json
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from accounts.errors import InvalidJson


class StrictJsonParser(Parser):
    """RFC 8259 and no more: no NaN, no repeated names, no nesting that exhausts the stack."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The parsed body. Raises InvalidJson."""
        return read_json(request.body)


def read_json(body: bytes) -> Any:
    """A JSON text, read as strictly.

    Raises:
        InvalidJson: it is not JSON, or not UTF-8. The text of the fault is not passed on: it may quote the body.
    """
    try:
        return _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise InvalidJson("The body is not valid JSON.") from None


def _refuse(name: str) -> None:
    raise ValueError(name)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_distinct)
