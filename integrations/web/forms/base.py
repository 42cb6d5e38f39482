"""What the forms of all kinds share: the questions that pages put to them, and the fields about the integration itself.

Owns: reading a POST as it was typed and giving it back after a refusal. Nothing of an integration is a secret's value,
so all of it comes back. A form judges nothing that the services judge; it refuses only what cannot be put to them.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.http import QueryDict

from accounts.common.environments import Environment, in_order
from accounts.errors import FieldError
from integrations.models import Integration

Values = dict[str, Any]
"""The fields of a form by the names that its template uses."""

_VERSION = re.compile(r"[0-9]{1,9}", re.ASCII)
_NEVER_STORED = 0
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Sent:
    """One sent form: every field as it was typed, and what is wrong with it before any service looks."""

    values: Values
    problems: list[FieldError] = field(default_factory=list)


class Form(ABC):
    """The form of one kind. Errors and values use the names of the fields of its template."""

    template: ClassVar[str]

    def blank(self) -> Values:
        """The fields of a form for a new integration: enabled, in no environment until one is chosen."""
        about = {"name": "", "description": "", "enabled": True, "environments": [], "version": None}
        return about | self.config_values({})

    def stored(self, integration: Integration) -> Values:
        """The fields of a form for a stored integration."""
        about = {
            "name": integration.name,
            "description": integration.description,
            "enabled": integration.enabled,
            "environments": in_order(integration.environments),
            "version": integration.version,
        }
        return about | self.config_values(integration.config)

    def read(self, post: QueryDict) -> Sent:
        """What was sent, with odd input made ordinary where that loses nothing, and a problem where it would."""
        about, config = _read_about(post), self.read_config(post)
        return Sent(about.values | config.values, about.problems + config.problems)

    def errors(self, errors: list[FieldError], values: Values) -> list[FieldError]:
        """The services' errors, each at the field of the form that it is about; the field `""` is the whole form."""
        return [self.error(error, values) if error.field.startswith("config") else error for error in errors]

    @abstractmethod
    def config_values(self, config: Mapping[str, Any]) -> Values:
        """The fields that show a stored configuration; with an empty one, those of a new integration."""

    @abstractmethod
    def read_config(self, post: QueryDict) -> Sent:
        """The fields of the configuration."""

    @abstractmethod
    def config(self, values: Values, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration that the fields describe, for the services to judge.

        Args:
            stored: the configuration as it is now, empty for a new integration. What the form cannot show is kept.

        Raises:
            Invalid: what was typed cannot be put into a configuration; `errors` use the form's names.
        """

    @abstractmethod
    def error(self, error: FieldError, values: Values) -> FieldError:
        """An error about a field of the configuration, such as `config.headers[0].value`, at the form's field."""


def text(post: QueryDict, name: str) -> str:
    """One field as it was typed: browsers send every line end of a text area as CR LF."""
    return plain_lines(post.get(name, ""))


def plain_lines(typed: str) -> str:
    """The text with line feeds alone as line ends."""
    return _LINE_END.sub("\n", typed)


def keep_line_ends(entered: Any, stored: Any) -> Any:
    """The entered configuration; texts that differ from the stored ones in their line ends alone stay as stored."""
    if isinstance(entered, str) and isinstance(stored, str):
        return stored if plain_lines(stored) == entered else entered
    if isinstance(entered, dict) and isinstance(stored, Mapping):
        return {name: keep_line_ends(value, stored.get(name)) for name, value in entered.items()}
    if isinstance(entered, list) and isinstance(stored, list):
        rest = [None] * (len(entered) - len(stored))
        return [keep_line_ends(value, old) for value, old in zip(entered, [*stored, *rest], strict=False)]
    return entered


def _read_about(post: QueryDict) -> Sent:
    chosen = post.getlist("environments")
    known = [environment for environment in Environment if environment.value in chosen]
    unknown = set(chosen) - {environment.value for environment in Environment}
    problems = [FieldError("environments", "Choose among Development, Staging and Production.")] if unknown else []
    values = {
        "name": post.get("name", "").strip(),
        "description": text(post, "description"),
        "enabled": "enabled" in post,
        "environments": known,
        "version": _version(post.get("version", "")),
        "accept_raw_credentials": "accept_raw_credentials" in post,
    }
    return Sent(values, problems)


def _version(sent: str) -> int:
    """The version that the form was opened with; without a readable one, a version that is never the current one."""
    return int(sent) if _VERSION.fullmatch(sent) else _NEVER_STORED
