"""Database triggers: audit events cannot be changed or deleted, an organization keeps its last owner, and a session
belongs to an API key of its organization.

See docs/audit.md and docs/people.md, "Roles". The statements are listed by database vendor. Migrations run them, and so
does the test suite, which has to empty its tables. On SQLite, a migration that rebuilds `accounts_organization` or
`accounts_membership` runs `REMOVE_OWNER` first and `INSTALL_OWNER` afterwards; one that rebuilds `accounts_apikey` does
the same with `REMOVE_SESSION` and `INSTALL_SESSION`.
"""

TABLE = "accounts_auditevent"

INSTALL: dict[str, list[str]] = {
    "sqlite": [
        f"CREATE TRIGGER audit_event_no_{verb} BEFORE {verb.upper()} ON {TABLE} "
        "BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit events are append-only' "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$",
        f"CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION audit_event_append_only()",
        f"CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_append_only()",
    ],
}

REMOVE: dict[str, list[str]] = {
    "sqlite": ["DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete"],
    "postgresql": [
        f"DROP TRIGGER audit_event_no_change ON {TABLE}",
        f"DROP TRIGGER audit_event_no_truncate ON {TABLE}",
        "DROP FUNCTION audit_event_append_only()",
    ],
}

MEMBERSHIP, ORGANIZATION = "accounts_membership", "accounts_organization"
LAST_OWNER = "an organization keeps at least one owner"
_ANOTHER_OWNER = f"SELECT 1 FROM {MEMBERSHIP} WHERE organization_id = OLD.organization_id AND role = 'owner'"
_ORGANIZATION_STAYS = f"SELECT 1 FROM {ORGANIZATION} WHERE id = OLD.organization_id"

INSTALL_OWNER: dict[str, list[str]] = {
    "sqlite": [
        f"CREATE TRIGGER membership_keeps_owner_{verb} AFTER {verb.upper()} ON {MEMBERSHIP} WHEN OLD.role = 'owner' "
        f"AND EXISTS ({_ORGANIZATION_STAYS}) AND NOT EXISTS ({_ANOTHER_OWNER}) "
        f"BEGIN SELECT RAISE(ABORT, '{LAST_OWNER}'); END"
        for verb in ("update", "delete")
    ],
    # The lock puts concurrent demotions in order; the query after it sees what the other transaction committed.
    "postgresql": [
        "CREATE FUNCTION membership_keeps_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"PERFORM 1 FROM {ORGANIZATION} WHERE id = OLD.organization_id FOR NO KEY UPDATE; "
        f"IF FOUND AND NOT EXISTS ({_ANOTHER_OWNER}) THEN "
        f"RAISE EXCEPTION '{LAST_OWNER}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL; END $$",
        f"CREATE TRIGGER membership_keeps_owner AFTER UPDATE OR DELETE ON {MEMBERSHIP} "
        "FOR EACH ROW WHEN (OLD.role = 'owner') EXECUTE FUNCTION membership_keeps_owner()",
    ],
}

REMOVE_OWNER: dict[str, list[str]] = {
    "sqlite": [f"DROP TRIGGER membership_keeps_owner_{verb}" for verb in ("update", "delete")],
    "postgresql": [
        f"DROP TRIGGER membership_keeps_owner ON {MEMBERSHIP}",
        "DROP FUNCTION membership_keeps_owner()",
    ],
}

API_KEY = "accounts_apikey"
SESSION = "a session belongs to an API key of its organization"
_KEY_OF_SESSION = (
    f"SELECT 1 FROM {API_KEY} WHERE id = NEW.parent_id AND organization_id = NEW.organization_id AND parent_id IS NULL"
)

INSTALL_SESSION: dict[str, list[str]] = {
    "sqlite": [
        f"CREATE TRIGGER api_key_session_fits_{verb} AFTER {when} ON {API_KEY} WHEN NEW.parent_id IS NOT NULL "
        f"AND NOT EXISTS ({_KEY_OF_SESSION}) BEGIN SELECT RAISE(ABORT, '{SESSION}'); END"
        for verb, when in (("insert", "INSERT"), ("update", "UPDATE OF parent_id, organization_id"))
    ],
    # At the end of the transaction, because a copy of a database inserts keys and sessions in any order.
    "postgresql": [
        "CREATE FUNCTION api_key_session_fits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NOT EXISTS ({_KEY_OF_SESSION}) THEN "
        f"RAISE EXCEPTION '{SESSION}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER api_key_session_fits AFTER INSERT OR UPDATE OF parent_id, organization_id "
        f"ON {API_KEY} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) "
        "EXECUTE FUNCTION api_key_session_fits()",
    ],
}

REMOVE_SESSION: dict[str, list[str]] = {
    "sqlite": [f"DROP TRIGGER api_key_session_fits_{verb}" for verb in ("insert", "update")],
    "postgresql": [f"DROP TRIGGER api_key_session_fits ON {API_KEY}", "DROP FUNCTION api_key_session_fits()"],
}
