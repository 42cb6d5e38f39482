"""The secret form: what was sent, and what is shown again. Nothing here puts a value back into a page."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from accounts.common.environments import Environment
from accounts.errors import FieldError
from secrets_app.inventory.rows import NOTHING, Row
from secrets_app.plaintext import Plaintext

VERSION = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
NO_DAYS = 0
"""What an interval that is no number is read as: the services refuse it."""
SHARED, PER_ENVIRONMENT = "shared", "per-env"


@dataclass(frozen=True, slots=True)
class Submission:
    """One sent form."""

    name: str
    description: str
    mode: str
    values: dict[Environment, Plaintext]
    domains: list[str]
    enabled: bool
    allow_short: bool
    version: int | None
    rotate_every_days: str | None = ""

    @property
    def rotation_days(self) -> int | None:
        """The interval as a number; None where there is none."""
        text = (self.rotate_every_days or "").strip()
        if not text:
            return None
        return int(text) if VERSION.match(text) else NO_DAYS

    @property
    def stops_rotation(self) -> bool:
        """The field was there, and empty."""
        return self.rotate_every_days is not None and not self.rotate_every_days.strip()

    def shown_again(self) -> dict[str, Any]:
        """The fields for the form after a refusal: all but the values."""
        return {
            "name": self.name,
            "description": self.description,
            "mode": self.mode,
            "domains": self.domains,
            "enabled": self.enabled,
            "allow_short": self.allow_short,
            "version": self.version,
            "rotate_every_days": self.rotate_every_days or "",
        }


def read(post: QueryDict) -> Submission:
    """What was sent, with odd input made ordinary; the services judge it."""
    mode = SHARED if post.get("mode") == SHARED else PER_ENVIRONMENT
    fields = {
        environment: "value_all" if mode == SHARED else f"value_{environment.value}" for environment in Environment
    }
    texts = {environment: _as_typed(post.get(name, "")) for environment, name in fields.items()}
    return Submission(
        name=post.get("name", ""),
        description=_as_typed(post.get("description", "")),
        mode=mode,
        values={environment: Plaintext(text) for environment, text in texts.items() if text},
        domains=[domain.strip() for domain in post.getlist("domains") if domain.strip()],
        enabled="enabled" in post,
        allow_short="allow_short" in post,
        version=_version(post.get("version", "")),
        rotate_every_days=post.get("rotate_every_days"),
    )


def blank(name: str, domains: list[str], description: str = "") -> dict[str, Any]:
    """The fields of a form for a new secret, with a name, allowed domains and a description that somebody proposes."""
    return Submission(
        name, description, SHARED, {}, domains, enabled=True, allow_short=False, version=None
    ).shown_again()


def stored(row: Row) -> dict[str, Any]:
    """The fields of a form for a stored secret."""
    mode = SHARED if row.shared else PER_ENVIRONMENT
    return Submission(
        row.name,
        row.description,
        mode,
        {},
        row.allowed_domains,
        row.enabled,
        allow_short=False,
        version=row.version,
        rotate_every_days=str(row.rotate_every_days or ""),
    ).shown_again()


def value_fields(row: Row | None) -> list[dict[str, Any]]:
    """One value field for each environment, with what is known about the stored value."""
    states = row.environments if row else dict.fromkeys(Environment, NOTHING)
    return [
        {
            "environment": environment,
            "state": state.state,
            "updated_at": state.updated_at,
            "updated_by": state.updated_by,
            "staged_at": state.staged_at,
        }
        for environment, state in states.items()
    ]


def form_errors(errors: Iterable[FieldError], mode: str) -> list[FieldError]:
    """The services' field names as the form's; one sentence a field."""
    renamed: dict[str, FieldError] = {}
    for error in errors:
        field = _form_field(error.field, mode)
        renamed.setdefault(field, FieldError(field, error.message))
    return list(renamed.values())


def _form_field(field: str, mode: str) -> str:
    if field.startswith("values."):
        return "value_all" if mode == SHARED else f"value_{field.removeprefix('values.')}"
    return "domains" if field.startswith("allowed_domains") else field


def _version(text: str) -> int | None:
    return int(text) if VERSION.match(text) else None


def _as_typed(text: str) -> str:
    """What was typed or pasted: browsers send each line break of a text area as CR LF (HTML, "normalize newlines")."""
    return text.replace("\r\n", "\n")
