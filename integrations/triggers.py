"""The database's own refusal to tie two organizations together (SECURITY section 1.3, T4).

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
RULES = [
    ("reference_one_organization", REFERENCE, REFERENCE_FOREIGN),
    ("connector_one_organization", INTEGRATION, CONNECTOR_FOREIGN),
]

INSTALL: dict[str, list[str]] = {
    "sqlite": [
        f"CREATE TRIGGER {name}_{verb} BEFORE {verb.upper()} ON {table} WHEN {foreign} "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        for name, table, foreign in RULES
        for verb in ("insert", "update")
    ],
    "postgresql": [
        statement
        for name, table, foreign in RULES
        for statement in (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {foreign} THEN "
            f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        )
    ],
}

REMOVE: dict[str, list[str]] = {
    "sqlite": [f"DROP TRIGGER {name}_{verb}" for name, _, _ in RULES for verb in ("insert", "update")],
    "postgresql": [
        statement
        for name, table, _ in RULES
        for statement in (f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION {name}()")
    ],
}
