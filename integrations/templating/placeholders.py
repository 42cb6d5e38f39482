"""The placeholders `{secrets.NAME}` and `{params.NAME}` in the texts of an integration.

A text is parsed once, when the configuration is read. Values and arguments that are inserted later are never parsed
(docs/security-rules.md, "Placeholders"). Encoding for the place of a text is in `slots.py`.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from integrations.templating.lookalikes import find_lookalike
from secrets_app.naming import names

PARAM_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"

_PLACEHOLDER = re.compile(rf"\{{(?:secrets\.(?P<secret>{names.NAME})|params\.(?P<param>{PARAM_NAME}))\}}", re.ASCII)
_BEFORE_DOUBLED = re.compile(r"[{\uff5b\ufe5b]\s*\Z")
_HINT = "Write {secrets.NAME} or {params.NAME}: lower case, single braces, nothing else inside them."


class MalformedPlaceholder(ValueError):  # noqa: N818 - named like the refusals
    """A text looks like a placeholder but is invalid. The message gives its position, not its content."""


@dataclass(frozen=True, slots=True)
class SecretPlaceholder:
    """A placeholder for the value of the secret with this name."""

    name: str

    def __str__(self) -> str:
        return f"{{secrets.{self.name}}}"


@dataclass(frozen=True, slots=True)
class ParamPlaceholder:
    """A placeholder for the argument of this name."""

    name: str

    def __str__(self) -> str:
        return f"{{params.{self.name}}}"


Placeholder = SecretPlaceholder | ParamPlaceholder
Part = str | SecretPlaceholder | ParamPlaceholder


@dataclass(frozen=True)
class Template:
    """A parsed text: literals and placeholders in order. Literals are not empty and never adjacent."""

    parts: tuple[Part, ...]

    @property
    def source(self) -> str:
        """The text that was parsed. It can be restored because each placeholder has only one spelling."""
        return "".join(map(str, self.parts))

    @cached_property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in order of appearance, without duplicates."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, SecretPlaceholder)))

    @cached_property
    def param_names(self) -> tuple[str, ...]:
        """The names of the parameters in order of appearance, without duplicates."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, ParamPlaceholder)))

    @cached_property
    def whole_param(self) -> str | None:
        """The name of the parameter if the text is exactly one parameter, whose argument then keeps its type."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only.name if isinstance(only, ParamPlaceholder) else None

    def renamed(self, old: str, new: str) -> "Template":
        """Return the template with the secret `old` renamed to `new`."""
        wanted, replacement = SecretPlaceholder(old), SecretPlaceholder(new)
        return Template(tuple(replacement if part == wanted else part for part in self.parts))

    @property
    def literals(self) -> tuple[str, ...]:
        """The literal parts of the text."""
        return tuple(part for part in self.parts if isinstance(part, str))


def parse(text: str) -> Template:
    """Parse a text into literals and placeholders.

    Raises:
        MalformedPlaceholder: a part of the text looks like a placeholder but is invalid.
    """
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
    """Return the literal between two placeholders: one string, or none if they are adjacent."""
    if start == end:
        return []
    found = find_lookalike(text[start:end])
    if found is not None:
        raise _malformed(start + found)
    return [text[start:end]]


def _refuse_doubled(text: str, match: re.Match[str]) -> None:
    """Refuse `{{secrets.x}}`, the syntax of other template languages; its value would be sent in braces."""
    brace = _BEFORE_DOUBLED.search(text, max(0, match.start() - 16), match.start())
    if brace:
        raise _malformed(brace.start())


def _malformed(index: int) -> MalformedPlaceholder:
    return MalformedPlaceholder(f"Character {index + 1}: this looks like a placeholder, but it is not one. {_HINT}")
