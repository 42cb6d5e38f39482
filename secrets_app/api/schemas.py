"""The schemas of secrets in the API. Requests may contain a value; responses have no field for it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, PlainValidator, StrictBool, StrictInt, WithJsonSchema

from accounts.api.schemas import Payload, StrictSchema
from accounts.common.environments import Environment, in_order
from secrets_app.editing.edits import SecretChanges
from secrets_app.inventory.rows import EnvironmentState, InventoryRow
from secrets_app.naming.value_rules import ValueWarning, warnings_for
from secrets_app.plaintext import Plaintext


def to_plaintext(raw: object) -> Plaintext:
    """Wrap a value from a JSON body. Raises ValueError if it is not text."""
    if not isinstance(raw, str):
        raise ValueError("Enter the value as text.")  # noqa: TRY004 - pydantic reports ValueError by field
    return Plaintext(raw)


def warning_out(warning: ValueWarning, field: str) -> dict[str, str]:
    """Return a likely mistake in a value as the API shows it."""
    return {"code": warning.code, "field": field, "message": warning.message}


ValueIn = Annotated[
    Plaintext,
    PlainValidator(to_plaintext),
    WithJsonSchema({"type": "string", "writeOnly": True, "description": "The value. It is never returned."}),
]


REQUIRED_IN = "Where the secret has to have a value, whether anything refers to it or not."


class ValuesIn(StrictSchema):
    """A value for each environment. An absent or empty value keeps the current value, null removes it."""

    development: ValueIn | None = None
    staging: ValueIn | None = None
    production: ValueIn | None = None

    def given(self) -> dict[Environment, Plaintext | None]:
        """Return the values to change, by environment."""
        named = {Environment(name): getattr(self, name) for name in self.model_fields_set}
        return {environment: value for environment, value in named.items() if value is None or value.expose()}


class SecretFieldsIn(Payload):
    """The fields that creating and editing share. `value` is stored in every environment."""

    value: ValueIn | None = None
    values: ValuesIn | None = None
    description: str | None = None
    allowed_domains: list[str] | None = Field(default=None, max_length=100)
    enabled: StrictBool | None = None
    is_identifier: StrictBool | None = None
    required_in: list[Environment] | None = Field(default=None, max_length=100, description=REQUIRED_IN)
    rotate_every_days: StrictInt | None = None
    expires_on: date | None = None
    expires_with_values: StrictBool = Field(
        default=False, description="Read the day from the new values: a JSON Web Token or a certificate in PEM."
    )
    allow_short: StrictBool = False

    @property
    def entered_once(self) -> bool:
        """Whether one value was given for every environment."""
        return self.value is not None and bool(self.value.expose())

    def warnings(self) -> list[dict[str, str]]:
        """Return the likely mistakes in the values that were given."""
        given: dict[str, Plaintext | None] = {"value": self.value if self.entered_once else None}
        if self.values:
            given |= {f"values.{environment.value}": value for environment, value in self.values.given().items()}
        return [
            warning_out(warning, field)
            for field, value in given.items()
            if value is not None
            for warning in warnings_for(value)
        ]

    def given_values(self) -> dict[Environment, Plaintext | None]:
        """Return the values by environment. `values` takes precedence over `value`."""
        for_all: dict[Environment, Plaintext | None] = (
            dict.fromkeys(Environment, self.value) if self.entered_once else {}
        )
        return for_all | (self.values.given() if self.values else {})

    def changes(self, name: str | None = None) -> SecretChanges:
        """Return what the given fields change; null removes an interval, a day or a value."""
        given = self.model_fields_set
        return SecretChanges(
            name=name,
            description=self.description,
            enabled=self.enabled,
            allowed_domains=self.allowed_domains,
            is_identifier=self.is_identifier,
            required_in=None if self.required_in is None else frozenset(self.required_in),
            rotate_every_days=self.rotate_every_days,
            stop_rotation="rotate_every_days" in given and self.rotate_every_days is None,
            expires_on=self.expires_on,
            never_expires="expires_on" in given and self.expires_on is None,
            expires_with_values=self.expires_with_values,
            values=self.given_values(),
            entered_once=self.entered_once and not self.values,
            allow_short=self.allow_short,
        )


class SecretIn(SecretFieldsIn):
    """The body of `POST /secrets`."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"name": "a.name.that.nobody.has"}

    name: str


class SecretPatch(SecretFieldsIn):
    """The body of `PATCH /secrets/{id}`. A new name is written into every integration.

    Values are removed by environment, with `values`, so `value` may not be null.
    """

    name: str | None = None
    value: ValueIn = Field(default=None)  # type: ignore[assignment]


class EnvironmentStateOut(Schema):
    """The state of a secret in one environment."""

    state: Literal["set", "missing", "unreadable"]
    version: int | None
    updated_at: datetime | None
    updated_by: str | None
    staged_at: datetime | None
    rollback_until: datetime | None


class SecretOut(Schema):
    """A secret, or (with `id: null`) a name that is referenced but does not exist."""

    id: UUID | None
    name: str
    reference: str
    description: str
    enabled: bool
    status: Literal["active", "disabled", "missing"]
    environments: dict[Environment, EnvironmentStateOut]
    allowed_domains: list[str]
    is_identifier: bool
    required_in: list[Environment] = Field(description=REQUIRED_IN)
    usage_count: int
    integration_count: int
    last_used_at: datetime | None
    rotate_every_days: int | None
    rotation_due_at: datetime | None
    expires_on: date | None
    created_at: datetime | None
    updated_at: datetime | None
    version: int | None


class ValueWarningOut(Schema):
    """A likely mistake in a value that was accepted. `field` is where the value came from."""

    code: str
    field: str
    message: str


class SavedSecretOut(SecretOut):
    """A secret that was stored or edited, with the likely mistakes in its new values."""

    warnings: list[ValueWarningOut]


class SecretsOut(Schema):
    """A page of the inventory."""

    items: list[SecretOut]
    next_cursor: str | None


class IntegrationOfReferenceOut(Schema):
    """The integration that a reference belongs to."""

    id: UUID
    name: str
    kind: str


class ReferenceOut(Schema):
    """A reference: one slot of an integration that uses the secret."""

    integration: IntegrationOfReferenceOut
    slot: str
    environments: list[Environment]
    last_used_at: datetime | None


class ReferencesOut(Schema):
    """A page of references."""

    items: list[ReferenceOut]
    next_cursor: str | None


def secret_out(row: InventoryRow) -> dict[str, Any]:
    """Return a row of the inventory as the API shows it."""
    return {
        "id": row.id,
        "name": row.name,
        "reference": row.reference,
        "description": row.description,
        "enabled": row.enabled,
        "status": row.status,
        "environments": {environment: _environment_out(entry) for environment, entry in row.environments.items()},
        "allowed_domains": row.allowed_domains,
        "is_identifier": row.is_identifier,
        "required_in": in_order(row.required_in),
        "usage_count": row.usage_count,
        "integration_count": row.integration_count,
        "last_used_at": row.last_used_at,
        "rotate_every_days": row.rotate_every_days,
        "rotation_due_at": row.rotation_due_at,
        "expires_on": row.expires_on,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "version": row.version,
    }


def _environment_out(entry: EnvironmentState) -> dict[str, Any]:
    return {
        "state": entry.state,
        "version": entry.version,
        "updated_at": entry.updated_at,
        "updated_by": entry.updated_by,
        "staged_at": entry.staged_at,
        "rollback_until": entry.rollback_until,
    }


def reference_out(reference: Any) -> dict[str, Any]:
    """Return a reference, whose integration is loaded, as the API shows it."""
    integration = reference.integration
    return {
        "integration": {"id": str(integration.id), "name": integration.name, "kind": integration.kind},
        "slot": reference.slot,
        "environments": [environment.value for environment in in_order(integration.environments)],
        "last_used_at": reference.last_used_at,
    }
