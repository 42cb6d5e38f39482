"""The placeholders `{secrets.NAME}` and `{params.NAME}` in the texts of an integration.

Owns: the grammar. A text is parsed once, when the configuration is read, into parts that later code joins; what a
value or an argument contains is never parsed (docs/security-rules.md, "Placeholders"). It does not know where a text
goes, so it does no encoding: that is `slots.py`.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from integrations.templating.lookalikes import find_lookalike
from secrets_app.naming import names

PARAM_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"

_PLACEHOLDER = re.compile(rf"\{{(?:secrets\.(?P<secret>{names.NAME})|params\.(?P<param>{PARAM_NAME}))\}}", re.ASCII)
_BEFORE_DOUBLED = re.compile(r"[{\uff5b\ufe5b]\s*\Z")
_WAY_OUT = "Write {secrets.NAME} or {params.NAME}: lower case, single braces, nothing else inside them."


class MalformedPlaceholder(ValueError):  # noqa: N818 - it names the thing, as the refusals do
    """A text that looks like a placeholder and is not valid. The message names its position, not its content."""


@dataclass(frozen=True, slots=True)
class SecretPlaceholder:
    """Stands for the value of one secret, looked up by its exact name."""

    name: str

    def __str__(self) -> str:
        return f"{{secrets.{self.name}}}"


@dataclass(frozen=True, slots=True)
class ParamPlaceholder:
    """Stands for one argument of a run."""

    name: str

    def __str__(self) -> str:
        return f"{{params.{self.name}}}"


Placeholder = SecretPlaceholder | ParamPlaceholder
Part = str | SecretPlaceholder | ParamPlaceholder


@dataclass(frozen=True)
class Template:
    """A parsed text: literal strings and placeholders in order. No two strings are neighbours, none is empty."""

    parts: tuple[Part, ...]

    @property
    def source(self) -> str:
        """The text that was parsed; the grammar has one spelling for each placeholder, so nothing is lost."""
        return "".join(map(str, self.parts))

    @cached_property
    def secret_names(self) -> tuple[str, ...]:
        """Names of the secrets used, each once, in order of appearance."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, SecretPlaceholder)))

    @cached_property
    def param_names(self) -> tuple[str, ...]:
        """Names of the parameters used, each once, in order of appearance."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, ParamPlaceholder)))

    def renamed(self, old: str, new: str) -> "Template":
        """The same text with the secret `old` called `new`."""
        wanted, put = SecretPlaceholder(old), SecretPlaceholder(new)
        return Template(tuple(put if part == wanted else part for part in self.parts))

    @property
    def literals(self) -> tuple[str, ...]:
        """The pieces of plain text."""
        return tuple(part for part in self.parts if isinstance(part, str))


def parse(text: str) -> Template:
    """Split `text` into literals and placeholders; raises MalformedPlaceholder on anything that only looks like one."""
    parts: list[Part] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        _refuse_doubled(text, match)
        parts.extend(_literal(text, end, match.start()))
        parts.append(_placeholder(match))
        end = match.end()
    parts.extend(_literal(text, end, len(text)))
    return Template(tuple(parts))


def _placeholder(match: re.Match[str]) -> Placeholder:
    if match["param"]:
        return ParamPlaceholder(match["param"])
    if names.problem_with_name(match["secret"]):
        raise _malformed(match.start())
    return SecretPlaceholder(match["secret"])


def _literal(text: str, start: int, end: int) -> list[str]:
    """The plain text between two placeholders: one string, or none where they touch."""
    if start == end:
        return []
    found = find_lookalike(text[start:end])
    if found is not None:
        raise _malformed(start + found)
    return [text[start:end]]


def _refuse_doubled(text: str, match: re.Match[str]) -> None:
    """`{{secrets.x}}` belongs to other template languages: sending the value in braces is never what was meant."""
    brace = _BEFORE_DOUBLED.search(text, max(0, match.start() - 16), match.start())
    if brace:
        raise _malformed(brace.start())


def _malformed(index: int) -> MalformedPlaceholder:
    return MalformedPlaceholder(f"Character {index + 1}: this looks like a placeholder, but it is not one. {_WAY_OUT}")
