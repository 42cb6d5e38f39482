"""Says why a database cannot be reached, from what its driver reports."""

from django.conf import settings

REASONS = (
    (("password authentication failed", "no password supplied"), "refuses the user or the password"),
    (("does not exist",), "has no such database or role"),
    (("no pg_hba.conf entry",), "does not let this host in (pg_hba.conf)"),
    (("too many connections", "remaining connection slots"), "has no free connection"),
    (("resolve host", "translate host name", "Name or service"), "cannot be found under its host name"),
    (("Connection refused", "No such file or directory"), "does not listen there, or does not run"),
    (("timeout", "timed out"), "does not answer in time"),
    (("unable to open database file", "readonly database"), "cannot be opened: its file or folder may not be written"),
    (("database or disk is full", "disk I/O error"), "has no room left on its disk, or the disk is broken"),
    (("not a database", "malformed"), "is a file that is not a database of SQLite"),
    (("locked",), "is locked by another process"),
)
"""Texts of psycopg and SQLite, and what they mean."""


def why_unreachable(fault: BaseException) -> str:
    """Return a sentence with the reason and what to do. It names the server, and no user or password."""
    said = str(fault)
    reason = next((reason for texts, reason in REASONS if any(text in said for text in texts)), "does not answer")
    return f"The database {_place()} {reason}. Check DATABASE_URL, and that the database runs."


def _place() -> str:
    parts = settings.DATABASES["default"]
    host, port = parts.get("HOST"), parts.get("PORT")
    return f"{parts['NAME']} at {host}:{port or 5432}" if host else str(parts["NAME"])
