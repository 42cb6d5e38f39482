"""The secret form: reading a submission, and the fields to show. A value never goes back into a page."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import QueryDict

from accounts.common.environments import Environment
from accounts.errors import FieldError
from secrets_app.editing.edits import SecretChanges
from secrets_app.inventory.rows import NOTHING, InventoryRow
from secrets_app.plaintext import Plaintext

VERSION = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
NO_DAYS = 0
"""Stands for an interval that is not a number. The services refuse it."""
NO_DAY = date.min
"""Stands for a day that is none. The services refuse it."""
SHARED, PER_ENVIRONMENT = "shared", "per-env"


@dataclass(frozen=True, slots=True)
class SecretSubmission:
    """A submitted secret form."""

    name: str
    description: str
    mode: str
    values: dict[Environment, Plaintext]
    domains: list[str]
    enabled: bool
    allow_short: bool
    version: int | None
    rotate_every_days: str | None = ""
    is_identifier: bool = False
    expires_on: str | None = ""
    expires_with_values: bool = False

    @property
    def last_day(self) -> date | None:
        """The day on which it expires, or None if the field is empty."""
        text = (self.expires_on or "").strip()
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            return NO_DAY

    @property
    def never_expires(self) -> bool:
        """Whether the field was submitted empty."""
        return self.expires_on is not None and not self.expires_on.strip()

    @property
    def rotation_days(self) -> int | None:
        """The interval as a number, or None if the field is empty."""
        text = (self.rotate_every_days or "").strip()
        if not text:
            return None
        return int(text) if VERSION.match(text) else NO_DAYS

    @property
    def stops_rotation(self) -> bool:
        """Whether the field was submitted empty."""
        return self.rotate_every_days is not None and not self.rotate_every_days.strip()

    def fields_to_show(self) -> dict[str, Any]:
        """Return the fields to show again after a refusal: all except the values."""
        return {
            "name": self.name,
            "description": self.description,
            "mode": self.mode,
            "domains": self.domains,
            "enabled": self.enabled,
            "allow_short": self.allow_short,
            "version": self.version,
            "rotate_every_days": self.rotate_every_days or "",
            "is_identifier": self.is_identifier,
            "expires_on": self.expires_on or "",
            "expires_with_values": self.expires_with_values,
        }


def read(post: QueryDict) -> SecretSubmission:
    """Return the submission in a normal form. The services check it."""
    mode = SHARED if post.get("mode") == SHARED else PER_ENVIRONMENT
    fields = {
        environment: "value_all" if mode == SHARED else f"value_{environment.value}" for environment in Environment
    }
    texts = {environment: _as_typed(post.get(name, "")) for environment, name in fields.items()}
    return SecretSubmission(
        name=post.get("name", ""),
        description=_as_typed(post.get("description", "")),
        mode=mode,
        values={environment: Plaintext(text) for environment, text in texts.items() if text},
        domains=[domain.strip() for domain in post.getlist("domains") if domain.strip()],
        enabled="enabled" in post,
        allow_short="allow_short" in post,
        version=_version(post.get("version", "")),
        rotate_every_days=post.get("rotate_every_days"),
        is_identifier="is_identifier" in post,
        expires_on=post.get("expires_on"),
        expires_with_values="expires_with_values" in post,
    )


def changes_of(sent: SecretSubmission, post: QueryDict) -> SecretChanges:
    """Return a submission as an edit. A form without a name keeps the name."""
    return SecretChanges(
        name=sent.name if "name" in post else None,
        description=sent.description,
        enabled=sent.enabled,
        allowed_domains=sent.domains,
        is_identifier=sent.is_identifier,
        rotate_every_days=sent.rotation_days,
        stop_rotation=sent.stops_rotation,
        expires_on=sent.last_day,
        never_expires=sent.never_expires,
        expires_with_values=sent.expires_with_values,
        values=dict(sent.values),
        entered_once=sent.mode == SHARED,
        allow_short=sent.allow_short,
    )


def typed_environments(post: QueryDict) -> list[Environment]:
    """Return the environments of the value fields that are filled and not sent, from their names in `typed`."""
    typed = set(post.getlist("typed"))
    if post.get("mode") == SHARED:
        return list(Environment) if "value_all" in typed else []
    return [environment for environment in Environment if f"value_{environment.value}" in typed]


def blank_fields(name: str, domains: list[str], description: str = "") -> dict[str, Any]:
    """Return the fields of the form for a new secret, with the proposed name, allowed domains and description."""
    return SecretSubmission(
        name, description, PER_ENVIRONMENT, {}, domains, enabled=True, allow_short=False, version=None
    ).fields_to_show()


def fields_of(row: InventoryRow) -> dict[str, Any]:
    """Return the fields of the form for a stored secret."""
    mode = SHARED if row.shared else PER_ENVIRONMENT
    return SecretSubmission(
        row.name,
        row.description,
        mode,
        {},
        row.allowed_domains,
        row.enabled,
        allow_short=False,
        version=row.version,
        rotate_every_days=str(row.rotate_every_days or ""),
        is_identifier=row.is_identifier,
        expires_on=row.expires_on.isoformat() if row.expires_on else "",
    ).fields_to_show()


def value_fields(row: InventoryRow | None) -> list[dict[str, Any]]:
    """Return a value field for each environment, with the state of the stored value."""
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
    """Translate the field names of the services to those of the form, with one error per field."""
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
    """Undo the CR LF that browsers send for each line break of a text area (HTML, "normalize newlines")."""
    return text.replace("\r\n", "\n")
