"""The base class of the forms of all kinds, and the fields that every integration has.

A form reads POST data as typed and shows it again after a refusal; an integration holds no value of a secret, so all of
it can be shown. Rules are checked by the services; a form refuses only what cannot be passed to them.
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
"""The fields of a form, by the names that its template uses."""

_VERSION = re.compile(r"[0-9]{1,9}", re.ASCII)
_NEVER_STORED = 0
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class SubmittedIntegration:
    """A submitted form: its fields as typed, and problems that services cannot see."""

    values: Values
    problems: list[FieldError] = field(default_factory=list)


class IntegrationForm(ABC):
    """The form of a kind. Values and errors use the field names of its template."""

    template: ClassVar[str]

    def blank(self) -> Values:
        """Return the fields for a new integration, which is enabled and runs in Development."""
        chosen = [Environment.DEVELOPMENT]
        about = {"name": "", "description": "", "enabled": True, "environments": chosen, "version": None}
        return about | self.config_values({})

    def stored(self, integration: Integration) -> Values:
        """Return the fields for a stored integration."""
        about = {
            "name": integration.name,
            "description": integration.description,
            "enabled": integration.enabled,
            "environments": in_order(integration.environments),
            "version": integration.version,
        }
        return about | self.config_values(integration.config)

    def read(self, post: QueryDict) -> SubmittedIntegration:
        """Read a submitted form. Harmless irregularities are normalized, others become problems."""
        about, config = _read_about(post), self.read_config(post)
        return SubmittedIntegration(about.values | config.values, about.problems + config.problems)

    def errors(self, errors: list[FieldError], values: Values) -> list[FieldError]:
        """Return the services' errors with the form's fields; the field `""` is the whole form."""
        return [self.error(error, values) if error.field.startswith("config") else error for error in errors]

    @abstractmethod
    def config_values(self, config: Mapping[str, Any]) -> Values:
        """Return the fields for a configuration; an empty configuration is that of a new integration."""

    @abstractmethod
    def read_config(self, post: QueryDict) -> SubmittedIntegration:
        """Read the fields of the configuration."""

    @abstractmethod
    def config(self, values: Values, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration that the fields describe, unchecked.

        Args:
            stored: the stored configuration, empty for a new integration. Parts that the form cannot show are kept.

        Raises:
            Invalid: the fields cannot be converted to a configuration; `errors` use the form's names.
        """

    @abstractmethod
    def error(self, error: FieldError, values: Values) -> FieldError:
        """Return an error about `config.headers[0].value` and the like with the form's field."""


def text(post: QueryDict, name: str) -> str:
    """Return a field as typed. Browsers send all line ends of a text area as CR LF."""
    return plain_lines(post.get(name, ""))


def plain_lines(typed: str) -> str:
    """Normalize line ends to line feeds."""
    return _LINE_END.sub("\n", typed)


def keep_line_ends(entered: Any, stored: Any) -> Any:
    """Return the entered configuration, but keep stored texts that differ only in line ends."""
    if isinstance(entered, str) and isinstance(stored, str):
        return stored if plain_lines(stored) == entered else entered
    if isinstance(entered, dict) and isinstance(stored, Mapping):
        return {name: keep_line_ends(value, stored.get(name)) for name, value in entered.items()}
    if isinstance(entered, list) and isinstance(stored, list):
        rest = [None] * (len(entered) - len(stored))
        return [keep_line_ends(value, old) for value, old in zip(entered, [*stored, *rest], strict=False)]
    return entered


def _read_about(post: QueryDict) -> SubmittedIntegration:
    chosen = post.getlist("environments")
    known = [environment for environment in Environment if environment.value in chosen]
    unknown = set(chosen) - {environment.value for environment in Environment}
    problems = [FieldError("environments", "Choose from Development, Staging and Production.")] if unknown else []
    values = {
        "name": post.get("name", "").strip(),
        "description": text(post, "description"),
        "enabled": "enabled" in post,
        "environments": known,
        "version": _version(post.get("version", "")),
        "accept_raw_credentials": "accept_raw_credentials" in post,
    }
    return SubmittedIntegration(values, problems)


def _version(sent: str) -> int:
    """Return the version that the form was opened with; without one, a version that is never current."""
    return int(sent) if _VERSION.fullmatch(sent) else _NEVER_STORED
