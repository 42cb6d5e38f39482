"""Texts that somebody may have meant as a placeholder and that are sent as they are.

Unlike the look-alikes of `lookalikes.py`, which are errors, they may be meant literally: other template languages write
them, and so do texts about programs. So they are warnings that name the right spelling.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from integrations.templating.placeholders import PARAM_NAME, Template

_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,127}"
_OF_SECRETS = r"secrets?|env|environment|vault|creds?|credentials?|process\.env"
_OF_PARAMS = r"params?|parameters?|args?|arguments?|inputs?"
_OF_EITHER = r"vars?|variables?"
_OPENING, _CLOSING = r"[{\[(<]{1,3}|%|\$", r"[}\])>]{0,3}%?"

_QUALIFIED = re.compile(
    rf"(?P<opening>\$?(?:{_OPENING})\s{{0,8}})"
    rf"(?:(?P<secret>{_OF_SECRETS})|(?P<param>{_OF_PARAMS})|(?P<either>{_OF_EITHER}))"
    rf"\s{{0,8}}(?:[.:/]|\[['\"]?)\s{{0,8}}(?P<name>{_NAME}?)(?P<closing>['\"]?\s{{0,8}}{_CLOSING})(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_BARE = re.compile(rf"(?P<opening>\$?{{{{1,3}}|<|%)\s{{0,8}}(?P<name>{PARAM_NAME})\s{{0,8}}(?P<closing>}}{{1,3}}|>|%)")
_SHELL = re.compile(r"\$\{?(?P<name>[A-Z][A-Z0-9_]{2,})\}?")
_COLON = re.compile(rf"(?<=/):(?P<name>{PARAM_NAME})(?=/|\Z)")


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A text that is sent as it is, and the placeholder that may be meant."""

    text: str
    meant: str


def near_misses(slot: str, template: Template, declared: Collection[str]) -> Iterator[NearMiss]:
    """Yield what of a text looks like a placeholder that was misspelt.

    Args:
        slot: the path of the slot; a body may well hold braces of another language.
        declared: the names of the parameters.
    """
    for part, following in pairwise((*template.parts, "")):
        if not isinstance(part, str):
            continue
        yield from _in_literal(slot, part, declared)
        if part.endswith("$") and not isinstance(following, str):
            yield NearMiss(f"${following}", str(following))


def _in_literal(slot: str, text: str, declared: Collection[str]) -> Iterator[NearMiss]:
    taken: list[tuple[int, int]] = []
    for pattern in (_QUALIFIED, _BARE, *(() if slot == "body" else (_SHELL,)), *((_COLON,) if slot == "path" else ())):
        for found in pattern.finditer(text):
            if any(start < found.end() and found.start() < end for start, end in taken):
                continue
            meant = _meant(slot, found, declared)
            if meant:
                taken.append(found.span())
                yield NearMiss(found[0].strip(), meant)


def _meant(slot: str, found: re.Match[str], declared: Collection[str]) -> str:
    """Return the placeholder that a match may stand for; empty if it probably is plain text."""
    groups, name = found.groupdict(), found["name"].rstrip(".-")
    if slot == "body" and not found["opening"].startswith(("{", "$")):
        return ""
    if groups.get("secret"):
        return f"{{secrets.{name}}}"
    if groups.get("param"):
        return f"{{params.{name}}}"
    if groups.get("either"):
        return f"{{params.{name}}}" if name in declared else f"{{secrets.{name}}} or {{params.{name}}}"
    if name in declared or slot == "path":
        return f"{{params.{name}}}"
    return "" if slot == "body" else f"{{secrets.{name}}} or {{params.{name}}}"
