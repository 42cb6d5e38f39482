"""The JSON Schema validator of arguments: formats, patterns and base64 are checked, each in linear time."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import re2
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from accounts.common.fields import write_json
from integrations.templating.files import decode_base64

MOST_PATTERN_BYTES = 1024
_MEMORY = 1 << 20
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:[!-~]+")
_HOSTNAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])", re.IGNORECASE
)

FORMATS = {
    "date": "Give a date such as 2026-11-23.",
    "date-time": "Give a time with its offset, such as 2026-11-23T09:20:00Z.",
    "time": "Give a time of day with its offset, such as 09:20:00Z.",
    "email": "Give an e-mail address.",
    "hostname": "Give a host name such as api.example.com.",
    "ipv4": "Give an IPv4 address such as 192.0.2.1.",
    "ipv6": "Give an IPv6 address such as 2001:db8::1.",
    "uri": "Give an absolute address such as https://example.com/a.",
    "uuid": "Give a UUID such as 123e4567-e89b-12d3-a456-426614174000.",
}
"""The formats that are checked, each with what an argument has to be. Other formats are annotations."""


def problem_with_pattern(pattern: object) -> str | None:
    """Return why a regular expression cannot be used; None if it can."""
    if not isinstance(pattern, str) or len(pattern.encode()) > MOST_PATTERN_BYTES or _compiled(pattern) is None:
        return (
            f"Enter a pattern in the syntax of RE2 of at most {MOST_PATTERN_BYTES} bytes: no look-around, no "
            "back-references."
        )
    return None


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors = _MEMORY, False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _pattern(_: Any, pattern: str, text: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(text, str):
        found = _compiled(pattern)
        if found is None or not found.search(text):
            yield ValidationError("")


def _base64(_: Any, encoding: str, text: Any, __: Any) -> Iterator[ValidationError]:
    if encoding == "base64" and isinstance(text, str) and decode_base64(text) is None:
        yield ValidationError("")


def _unique(_: Any, wanted: bool, items: Any, __: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(items, list) and len({write_json(item) for item in items}) < len(items):
        yield ValidationError("")


VALIDATOR = extend(Draft202012Validator, {"pattern": _pattern, "contentEncoding": _base64, "uniqueItems": _unique})
FORMAT_CHECKER = FormatChecker(formats=())


def _date_time(text: str) -> bool:
    day, separator, time = text[:10], text[10:11], text[11:]
    return separator in {"T", "t", " "} and _is_date(day) and bool(_TIME.fullmatch(time)) and len(text) > len(day)


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text)) and _parses(date.fromisoformat, text)


def _parses(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "date": _is_date,
    "date-time": _date_time,
    "time": lambda text: bool(_TIME.fullmatch(text)),
    "email": lambda text: bool(_EMAIL.fullmatch(text)),
    "hostname": lambda text: bool(_HOSTNAME.fullmatch(text)),
    "ipv4": lambda text: _parses(IPv4Address, text),
    "ipv6": lambda text: _parses(IPv6Address, text),
    "uri": lambda text: bool(_URI.fullmatch(text)),
    "uuid": lambda text: len(text) == len(str(UUID(int=0))) and _parses(UUID, text),
}
for _name, _check in _CHECKS.items():
    FORMAT_CHECKER.checks(_name)(lambda text, check=_check: not isinstance(text, str) or check(text))
