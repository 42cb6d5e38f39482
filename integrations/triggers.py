"""Database triggers that keep rows within one organization, and that tell when a cache is out of date.

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


TOOL = "integrations_agenttool"
TOOL_FOREIGN = f"(SELECT organization_id FROM {INTEGRATION} WHERE id = NEW.integration_id) <> NEW.organization_id"
TOOL_RULES: list[Rule] = [("agent_tool_one_organization", TOOL, TOOL_FOREIGN)]

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

TOOL_STAMP, REMOTE_TOOL = "integrations_toolstamp", "integrations_approvedtool"
_DEFINED = "shown_definition, gone_at, approved_definition, fingerprint"
_OF_INTEGRATION = f"SELECT organization_id FROM {INTEGRATION} WHERE id ="
_OF_SECRET = f"SELECT organization_id FROM {SECRET} WHERE id ="
TOOL_EVENTS: list[Rule] = [
    ("tools_integration", f"INSERT OR UPDATE ON {INTEGRATION}", "SELECT NEW.organization_id"),
    ("tools_no_integration", f"DELETE ON {INTEGRATION}", "SELECT OLD.organization_id"),
    ("tools_tool", f"INSERT OR UPDATE ON {TOOL}", "SELECT NEW.organization_id"),
    ("tools_no_tool", f"DELETE ON {TOOL}", "SELECT OLD.organization_id"),
    ("tools_remote", f"INSERT OR UPDATE OF {_DEFINED} ON {REMOTE_TOOL}", f"{_OF_INTEGRATION} NEW.integration_id"),
    ("tools_secret", f"INSERT OR UPDATE OF name, enabled, allowed_domains ON {SECRET}", "SELECT NEW.organization_id"),
    ("tools_no_secret", f"DELETE ON {SECRET}", "SELECT OLD.organization_id"),
    ("tools_value", f"INSERT OR UPDATE OF state, unreadable ON {VALUE}", f"{_OF_SECRET} NEW.secret_id"),
    ("tools_no_value", f"DELETE ON {VALUE}", f"{_OF_SECRET} OLD.secret_id"),
]
"""What moves the stamp of an organization's tools (integrations.models.ToolStamp), as in `STAMP_EVENTS`."""

_MOVED = "ON CONFLICT (organization_id) DO UPDATE SET stamp ="


def install_stamps(table: str = STAMP, events: list[Rule] = STAMP_EVENTS) -> dict[str, list[str]]:
    """Return the statements that create the triggers of a stamp, by database vendor.

    On PostgreSQL the stamp is the number of the transaction that moved it last. The triggers are deferred to the
    commit, so that the row is locked last and for a moment; of many changes in one transaction only the first writes.
    The organization may be gone by then.
    """
    return {
        "sqlite": [
            f"CREATE TRIGGER {name}_{_verb(when)} AFTER {when} BEGIN {_sqlite_move(table, when, whose)}; END"
            for name, when, whose in _each_verb(events)
        ],
        "postgresql": [
            statement
            for name, when, whose in events
            for statement in (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"INSERT INTO {table} (organization_id, stamp) "
                f"SELECT owner.id, txid_current() FROM ({whose}) AS owner(id) "
                f"WHERE EXISTS (SELECT FROM {ORGANIZATION} WHERE {ORGANIZATION}.id = owner.id) {_MOVED} EXCLUDED.stamp "
                f"WHERE {table}.stamp <> EXCLUDED.stamp; RETURN NULL; END $$",
                f"CREATE CONSTRAINT TRIGGER {name} AFTER {when} DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW EXECUTE FUNCTION {name}()",
            )
        ],
    }


def _sqlite_move(table: str, when: str, whose: str) -> str:
    """Return the statement that moves a stamp. A deletion may be that of the organization, so it adds no row."""
    if when.startswith("DELETE"):
        return f"UPDATE {table} SET stamp = stamp + 1 WHERE organization_id IN ({whose})"
    return f"INSERT INTO {table} (organization_id, stamp) SELECT *, 1 FROM ({whose}) WHERE true {_MOVED} stamp + 1"


def remove_stamps(events: list[Rule] = STAMP_EVENTS) -> dict[str, list[str]]:
    """Return the statements that drop the triggers of a stamp, by database vendor."""
    return {
        "sqlite": [f"DROP TRIGGER {name}_{_verb(when)}" for name, when, _ in _each_verb(events)],
        "postgresql": [
            statement
            for name, when, _ in events
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


APPROVAL = "integrations_approval"
_IS_OVER = "OLD.state IN ('denied', 'expired', 'used')"
APPROVAL_WAY_BACK = (
    f"({_IS_OVER} AND NEW.state <> OLD.state) OR (OLD.state = 'approved' AND NEW.state IN ('waiting', 'denied')) "
    "OR (OLD.state = 'waiting' AND NEW.state = 'used') OR NEW.calls < OLD.calls "
    f"OR ({_IS_OVER} AND NEW.calls <> OLD.calls) OR NEW.fingerprint <> OLD.fingerprint"
)
"""What no update of an approval may do: undo an end or a decision, use one that nobody gave, or use one again."""
APPROVAL_MESSAGE = "an approval goes one way"


def install_one_way() -> dict[str, list[str]]:
    """Return the statements that create the trigger on approvals, by database vendor."""
    return {
        "sqlite": [
            f"CREATE TRIGGER approval_one_way BEFORE UPDATE ON {APPROVAL} WHEN {APPROVAL_WAY_BACK} "
            f"BEGIN SELECT RAISE(ABORT, '{APPROVAL_MESSAGE}'); END"
        ],
        "postgresql": [
            f"CREATE FUNCTION approval_one_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{APPROVAL_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER approval_one_way BEFORE UPDATE ON {APPROVAL} FOR EACH ROW WHEN ({APPROVAL_WAY_BACK}) "
            "EXECUTE FUNCTION approval_one_way()",
        ],
    }


def remove_one_way() -> dict[str, list[str]]:
    """Return the statements that drop that trigger, by database vendor."""
    return {
        "sqlite": ["DROP TRIGGER approval_one_way"],
        "postgresql": [f"DROP TRIGGER approval_one_way ON {APPROVAL}", "DROP FUNCTION approval_one_way()"],
    }
