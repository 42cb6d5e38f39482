"""The database's own refusal to tie two organizations together (docs/threat-model.md, T4).

A reference joins an integration and a secret, an integration its auth connector: all of one organization. Foreign keys
cannot say that; these triggers do. Statements by database vendor, for the migration.
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
Rule = tuple[str, str, str]
"""Its name, its table, and when a row breaks it."""

RULES: list[Rule] = [
    ("reference_one_organization", REFERENCE, REFERENCE_FOREIGN),
    ("connector_one_organization", INTEGRATION, CONNECTOR_FOREIGN),
]
CONNECTION_RULES: list[Rule] = [("connection_one_organization", INTEGRATION, CONNECTION_FOREIGN)]


def install(rules: list[Rule]) -> dict[str, list[str]]:
    """The statements that set the rules up, by database vendor."""
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
    """The statements that take them down again."""
    return {
        "sqlite": [f"DROP TRIGGER {name}_{verb}" for name, _, _ in rules for verb in ("insert", "update")],
        "postgresql": [
            statement
            for name, table, _ in rules
            for statement in (f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION {name}()")
        ],
    }
