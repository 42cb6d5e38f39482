"""Texts from a description, made fit for names and for agents to read: no markup, no control characters, bounded.

Agents read descriptions, so what somebody wrote there is treated as untrusted text.
"""

import html
import re
from collections.abc import Iterable

from accounts.common.texts import TURNING, UNSTORABLE, problem_with_line
from secrets_app.naming.names import propose_name

LONGEST_DESCRIPTION = 500
"""As long as the description of an integration may be."""
LONGEST_HINT = 300
"""How long the description of one parameter may be."""
LONGEST_NAME = 100
_LONGEST_SUMMARY = 60
"""From this length on a summary is no name; the operation id is."""
_READ_AT_MOST = 20_000

_NOT_TEXT = re.compile(r"<(script|style)\b.{0,20000}?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<!--.{0,20000}?-->|</?[A-Za-z][^<>]{0,2000}>", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COMMON_LABELS = frozenset({
    "api", "apis", "app", "rest", "www", "sandbox", "staging", "dev", "test", "eu", "us", "uk", "au", "gateway",
    "v1", "v2", "v3",
})  # fmt: skip
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")


def plain(text: object, longest: int) -> str:
    """Return a text without markup and control characters, on one line, cut to `longest` characters."""
    if not isinstance(text, str):
        return ""
    bare = text[:_READ_AT_MOST]
    for _ in range(2):  # markup is often escaped once more
        bare = html.unescape(_TAG.sub(" ", _NOT_TEXT.sub(" ", bare)))
    bare = UNSTORABLE.sub("", TURNING.sub("", _TAG.sub(" ", bare)))
    return cut(" ".join(_CONTROL.sub(" ", bare).split()), longest)


def cut(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters; one that was longer ends with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def sentences(texts: Iterable[object], longest: int) -> str:
    """Return texts as one, without repeating what the one before said."""
    said: list[str] = []
    for text in texts:
        bare = plain(text, longest)
        if bare and not any(bare in before for before in said):
            said.append(bare if bare.endswith((".", "!", "?", "…")) else f"{bare}.")
    return cut(" ".join(said), longest)


def action_name(summary: object, operation_id: object, fallback: str) -> str:
    """Return a name for an action: the summary, the operation id in words, or method and path."""
    for text in (_short(summary), _in_words(operation_id), plain(fallback, LONGEST_NAME)):
        if text and not problem_with_line(text, LONGEST_NAME):
            return text
    return "Action"


def _short(summary: object) -> str:
    text = plain(summary, LONGEST_NAME).rstrip(".")
    return text[:1].upper() + text[1:] if len(text) <= _LONGEST_SUMMARY else ""


def _in_words(operation_id: object) -> str:
    words = _SEPARATORS.sub(" ", _CAMEL.sub(" ", plain(operation_id, LONGEST_NAME))).strip()
    return words[:1].upper() + words[1:].lower()


def secret_name(prefix: str, role: str) -> str:
    """Return a proposed name of a secret: `scheduling.apiKey`."""
    words = [word for word in _SEPARATORS.split(_CAMEL.sub(" ", role)) if word]
    camel = "".join(word.lower() if not index else word.capitalize() for index, word in enumerate(words))
    return propose_name(f"{prefix}.{camel or 'credential'}") or f"import.{camel or 'credential'}"


def prefix_of(address: str, title: str) -> str:
    """Return the start of proposed names: `scheduling` for `https://api.scheduling.example.com`, else of the title."""
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0].lower()
    labels = host.split(".")[:-1]
    telling = [label for label in labels if label not in _COMMON_LABELS and not label.isdigit()]
    words = _SEPARATORS.sub(" ", title).split()
    return propose_name(telling[0] if telling else "".join(words[:1]).lower()) or "api"
