"""Limits of fields that services check, as schemas say them. Their numbers are those of the services."""

from typing import Any

from accounts.access.agent_sessions import LONGEST
from accounts.api.sessions import MINUTE
from integrations.editing.fields import DESCRIPTION_LENGTH, NAME_LENGTH
from secrets_app.naming import names
from secrets_app.validation import fields

SECRET_NAME = {"pattern": names.PATTERN.replace(r"\A", "^").replace(r"\Z", "$"), "maxLength": names.MAX_LENGTH}
SECRET = {
    "description": {"maxLength": fields.DESCRIPTION_LENGTH},
    "rotate_every_days": {"minimum": 1, "maximum": fields.LONGEST_ROTATION_DAYS},
}
INTEGRATION = {"description": {"maxLength": DESCRIPTION_LENGTH}}
INTEGRATION_NAME = {"minLength": 1, "maxLength": NAME_LENGTH}

LIMITS: dict[str, dict[str, dict[str, Any]]] = {
    "SecretIn": {"name": SECRET_NAME, **SECRET},
    "SecretPatch": {"name": SECRET_NAME, **SECRET},
    "SecretPut": SECRET,
    "IntegrationIn": {"name": INTEGRATION_NAME, **INTEGRATION},
    "IntegrationPatch": {"name": INTEGRATION_NAME, **INTEGRATION},
    "IntegrationPut": INTEGRATION,
    "SessionIn": {"minutes": {"minimum": 1, "maximum": LONGEST // MINUTE}},
}
"""By schema and field."""


def add_limits(schemas: dict[str, Any]) -> None:
    """Add the limits to the fields, or to what else than null they may be."""
    for name, limits in LIMITS.items():
        for field, found in limits.items():
            schema = schemas[name]["properties"][field]
            for one in schema.get("anyOf", [schema]):
                if one.get("type") != "null":
                    one.update(found)
