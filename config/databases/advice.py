"""What an operator should change about the database although Coffer works with it: for `/readyz` and the checks."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.common.database import THREADS
from accounts.models import Organization
from integrations.models import Run

PAGES_AT_ONCE = 32
"""Pages that one worker process may have under way, each with a connection of its own, before it is a crowd."""

MANY_RUNS_A_MINUTE = 300
"""Above this, SQLite's one writer is what calls wait for."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A code, and a sentence that says what to do."""

    code: str
    reason: str


def advice() -> list[Advice]:
    """Return what should be changed; an empty list where nothing has to be.

    Raises:
        DatabaseError: the database cannot be asked.
    """
    if connection.vendor == "sqlite":
        return _about_sqlite()
    if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        return _about_limits()
    return _about_connections()


def connections_needed() -> int:
    """Return how many connections the server processes of this host may open at once."""
    return int(settings.WORKERS) * (THREADS + PAGES_AT_ONCE)


def _about_sqlite() -> list[Advice]:
    move = "Move to PostgreSQL (docs/backup.md)."
    if settings.WORKERS > 1:
        several = f"SQLite has one writer, but WEB_CONCURRENCY is {settings.WORKERS}. {move}"
        return [Advice("sqlite_several_workers", several)]
    of_all = Run.objects.filter(organization__in=Organization.objects.values("pk"))  # so that its index serves
    last_minute = of_all.filter(started_at__gt=timezone.now() - timedelta(minutes=1))
    if last_minute.order_by()[: MANY_RUNS_A_MINUTE + 1].count() > MANY_RUNS_A_MINUTE:
        many = f"There were more than {MANY_RUNS_A_MINUTE} runs in a minute, and SQLite has one writer. {move}"
        return [Advice("sqlite_many_writes", many)]
    return []


def _about_limits() -> list[Advice]:
    """Look for the limits that a role has to have behind pgbouncer (`config.databases.limits`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('statement_timeout'), current_setting('lock_timeout')")
        role, *limits = cursor.fetchone()
    if "0" not in limits:
        return []
    sentence = f"The role {role} has no statement_timeout or no lock_timeout: ALTER ROLE … SET (docs/postgresql.md)."
    return [Advice("no_time_limits", sentence)]


def _about_connections() -> list[Advice]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, "
            "(SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)"
        )
        of_server, of_role = cursor.fetchone()
    allowed = of_server if of_role < 0 else min(of_server, of_role)
    if connections_needed() <= allowed:
        return []
    sentence = (
        f"The workers of this host may need {connections_needed()} connections, and the database allows {allowed}. "
        "Raise max_connections, lower WEB_CONCURRENCY, or use pgbouncer (docs/postgresql.md)."
    )
    return [Advice("too_few_connections", sentence)]
