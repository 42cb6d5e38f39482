"""Database triggers that keep integrations, secrets and connectors within one organization.

A reference joins an integration and a secret, and an integration joins a connection and a connector. All must belong to
the same organization (docs/threat-model.md, T4), which foreign keys cannot express. This module holds the SQL by
database vendor, for migrations.
"""

REFERENCE, INTEGRATION, SECRET = "integrations_secretreference", "integrations_integration", "secrets_app_secret"
MESSAGE = "another organization"

REFERENCE_FOREIGN = (
    "(NEW.secret_id IS NOT NULL AND "
    f"(SELECT organization_id FROM {SECRET} WHERE id = NEW.secret_id) <> NEW.organization_id) "
    f"OR (SELECT organization_id FROM {INTEGRATION} WHERE id = NEW.integration_id) <> NEW.organization_id"
)
CONNECTOR_FOREIGN = (
    "NEW.auth_connector_id IS NOT NULL AND "
    f"(SELECT organization_id FROM {INTEGRATION} WHERE id = NEW.auth_connector_id) <> NEW.organization_id"
)
CONNECTION_FOREIGN = (
    "NEW.connection_id IS NOT NULL AND "
    f"(SELECT organization_id FROM {INTEGRATION} WHERE id = NEW.connection_id) <> NEW.organization_id"
)
DESTINATION = "integrations_secretdestination"
DESTINATION_FOREIGN = (
    f"(SELECT organization_id FROM {REFERENCE} WHERE id = NEW.reference_id) <> NEW.organization_id "
    f"OR (SELECT organization_id FROM {INTEGRATION} WHERE id = NEW.integration_id) <> NEW.organization_id"
)
Rule = tuple[str, str, str]
"""The name of a trigger, its table, and the condition under which it refuses a row."""

RULES: list[Rule] = [
    ("reference_one_organization", REFERENCE, REFERENCE_FOREIGN),
    ("connector_one_organization", INTEGRATION, CONNECTOR_FOREIGN),
]
CONNECTION_RULES: list[Rule] = [("connection_one_organization", INTEGRATION, CONNECTION_FOREIGN)]
DESTINATION_RULES: list[Rule] = [("destination_one_organization", DESTINATION, DESTINATION_FOREIGN)]


def install(rules: list[Rule]) -> dict[str, list[str]]:
    """Return the statements that create the triggers, by database vendor."""
    return {
        "sqlite": [
            f"CREATE TRIGGER {name}_{verb} BEFORE {verb.upper()} ON {table} WHEN {foreign} "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            for name, table, foreign in rules
            for verb in ("insert", "update")
        ],
        "postgresql": [
            statement
            for name, table, foreign in rules
            for statement in (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {foreign} THEN "
                f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
                "RETURN NEW; END $$",
                f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
            )
        ],
    }


def remove(rules: list[Rule]) -> dict[str, list[str]]:
    """Return the statements that drop the triggers, by database vendor."""
    return {
        "sqlite": [f"DROP TRIGGER {name}_{verb}" for name, _, _ in rules for verb in ("insert", "update")],
        "postgresql": [
            statement
            for name, table, _ in rules
            for statement in (f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION {name}()")
        ],
    }
