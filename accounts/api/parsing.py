"""Strict parsing of JSON bodies."""

import json
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from accounts.errors import InvalidJson


class StrictJsonParser(Parser):
    """A parser for RFC 8259 and nothing beyond: no NaN, no repeated names, no nesting that exhausts the stack."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the parsed body.

        Raises:
            InvalidJson: the body is not valid JSON.
        """
        return read_json(request.body)


def read_json(body: bytes) -> Any:
    """Parse a JSON text strictly.

    Raises:
        InvalidJson: it is not JSON or not UTF-8. The parser's message is dropped, because it may quote the body.
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
