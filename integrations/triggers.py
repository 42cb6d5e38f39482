"""Database triggers that keep rows within one organization, and that tell when an index of values is out of date.

A reference joins an integration and a secret, and an integration joins a connection and a connector. All must belong to
the same organization (docs/threat-model.md, T4), which foreign keys cannot express. This module holds the SQL by
database vendor, for migrations.
"""

REFERENCE, INTEGRATION, SECRET = "integrations_secretreference", "integrations_integration", "secrets_app_secret"
ORGANIZATION = "accounts_organization"
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


STAMP, VALUE = "integrations_maskstamp", "secrets_app_secretvalue"
STAMP_EVENTS: list[Rule] = [
    (
        "stamp_value",
        f"INSERT OR UPDATE OF sealed ON {VALUE}",
        f"SELECT organization_id FROM {SECRET} WHERE id = NEW.secret_id",
    ),
    ("stamp_destination", f"INSERT OR UPDATE ON {DESTINATION}", "SELECT NEW.organization_id"),
    ("stamp_reference", f"UPDATE OF secret_id ON {REFERENCE}", "SELECT NEW.organization_id"),
    ("stamp_secret", f"UPDATE OF is_identifier ON {SECRET}", "SELECT NEW.organization_id"),
]
"""The name of a trigger, what moves the stamp (integrations.models.MaskStamp), and whose stamp it is.

What only takes values away is not among them: an index with a value too many masks too much, for a minute at most.
"""


def install_stamps() -> dict[str, list[str]]:
    """Return the statements that create the triggers of the mask stamp, by database vendor.

    On PostgreSQL the stamp is the number of the transaction that moved it last. The triggers are deferred to the
    commit, so that the row is locked last and for a moment; of many changes in one transaction only the first writes.
    The organization may be gone by then.
    """
    moved = "ON CONFLICT (organization_id) DO UPDATE SET stamp ="
    return {
        "sqlite": [
            f"CREATE TRIGGER {name}_{_verb(when)} AFTER {when} BEGIN INSERT INTO {STAMP} (organization_id, stamp) "
            f"SELECT *, 1 FROM ({whose}) WHERE true {moved} stamp + 1; END"
            for name, when, whose in _each_verb(STAMP_EVENTS)
        ],
        "postgresql": [
            statement
            for name, when, whose in STAMP_EVENTS
            for statement in (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"INSERT INTO {STAMP} (organization_id, stamp) "
                f"SELECT owner.id, txid_current() FROM ({whose}) AS owner(id) "
                f"WHERE EXISTS (SELECT FROM {ORGANIZATION} WHERE {ORGANIZATION}.id = owner.id) {moved} EXCLUDED.stamp "
                f"WHERE {STAMP}.stamp <> EXCLUDED.stamp; RETURN NULL; END $$",
                f"CREATE CONSTRAINT TRIGGER {name} AFTER {when} DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW EXECUTE FUNCTION {name}()",
            )
        ],
    }


def remove_stamps() -> dict[str, list[str]]:
    """Return the statements that drop the triggers of the mask stamp, by database vendor."""
    return {
        "sqlite": [f"DROP TRIGGER {name}_{_verb(when)}" for name, when, _ in _each_verb(STAMP_EVENTS)],
        "postgresql": [
            statement
            for name, when, _ in STAMP_EVENTS
            for statement in (f"DROP TRIGGER {name} ON {when.split(' ON ')[1]}", f"DROP FUNCTION {name}()")
        ],
    }


def _each_verb(events: list[Rule]) -> list[Rule]:
    """Return the events with one verb each: SQLite has no trigger for two."""
    return [
        (name, f"{verb} ON {when.split(' ON ')[1]}", whose)
        for name, when, whose in events
        for verb in when.split(" ON ")[0].split(" OR ")
    ]


def _verb(when: str) -> str:
    return when.partition(" ")[0].lower()
