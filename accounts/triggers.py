"""The database's own refusal to change or remove an audit event (DESIGN section 3, `AuditEvent`).

Statements by database vendor. The migration runs them; so does the test suite, which has to empty its tables.
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
