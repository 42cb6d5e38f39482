"""From SQLite to PostgreSQL, all or nothing (docs/backup.md, "From SQLite to PostgreSQL").

Everything is written and compared in one transaction of the new database, while the old one takes no writes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import environ
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import DatabaseError, OperationalError, connection, connections, router, transaction
from django.db.migrations.recorder import MigrationRecorder

from accounts.audit import chain
from config.copying import restored, tables
from config.copying.errors import CannotCopy
from secrets_app.models import MasterKeyCanary, OrganizationKey

SOURCE, TARGET = "default", "target"
MADE_BY_MIGRATIONS = (Permission, ContentType, OrganizationKey, MasterKeyCanary)
"""What `migrate` itself writes, such as the data key of the installation. The rows of the source take their place."""
WAIT_A_SECOND = "PRAGMA busy_timeout = 1000"

Progress = Callable[[int], object]
"""Is told how many rows were copied or compared."""


def steps() -> int:
    """Return the number of rows to copy and to compare."""
    return 2 * sum(tables.count(model, SOURCE) for model in tables.copied_models())


def copy_to(url: str, progress: Progress) -> int:
    """Copy every row of the SQLite database to an empty PostgreSQL database, and return their number.

    Raises:
        CannotCopy: something is not as it has to be, and the message says what. The target is as it was.
    """
    with _target(url), _nobody_writes():
        try:
            with transaction.atomic(using=TARGET):
                _require_same_migrations()
                _require_empty()
                number = _copy(progress)
                _compare(progress)
                return number
        except DatabaseError as problem:
            said = str(problem).partition("\n")[0]  # the lines after it may quote a row
            raise CannotCopy(f"The new database refused the copy, and is as it was: {said}") from None


@contextmanager
def _target(url: str) -> Iterator[None]:
    """Add the new database to those of this process."""
    address = environ.Env.db_url_config(url)
    if connection.vendor != "sqlite" or address.get("ENGINE") != "django.db.backends.postgresql":
        raise CannotCopy("This copies from SQLite to PostgreSQL: --to postgres://user@host:5432/name")
    connections.databases[TARGET] = {**connections.databases[SOURCE], **address, "OPTIONS": address.get("OPTIONS", {})}
    try:
        connections[TARGET].ensure_connection()
        yield
    except OperationalError as problem:
        raise CannotCopy(f"The new database cannot be used: {str(problem).strip()}") from None
    finally:
        connections[TARGET].close()
        del connections[TARGET]
        del connections.databases[TARGET]


@contextmanager
def _nobody_writes() -> Iterator[None]:
    """Hold SQLite's write lock: who is writing now stops the copy, and who wants to waits for its end."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT_A_SECOND)
    try:
        with transaction.atomic(using=SOURCE):
            yield
    except OperationalError as problem:
        if "locked" not in str(problem):
            raise
        raise CannotCopy("Something writes to the SQLite database. Stop Coffer and its timers first.") from None


def _require_same_migrations() -> None:
    ours, theirs = (set(MigrationRecorder(connections[alias]).applied_migrations()) for alias in (SOURCE, TARGET))
    if ours != theirs:
        raise CannotCopy(
            f"{len(ours ^ theirs)} migrations are applied to one database alone. Run manage.py migrate with this "
            "version on each, the new one by its DATABASE_URL."
        )


def _require_empty() -> None:
    for model in tables.copied_models():
        if model not in MADE_BY_MIGRATIONS and tables.count(model, TARGET):
            raise CannotCopy(f"The new database is not empty: {model._meta.db_table} has rows. Name an empty one.")


def _copy(progress: Progress) -> int:
    """Copy the tables while the triggers of the target rest: they would move what the copy brings along."""
    models = tables.copied_models()
    number = 0
    with connections[TARGET].cursor() as cursor:
        for statement in [*_triggers(models, "DISABLE"), "SET CONSTRAINTS ALL DEFERRED", *_without_own_rows()]:
            cursor.execute(statement)
        for model in models:
            for inserted in tables.insert(model, TARGET, tables.rows(model, SOURCE)):
                number += inserted
                progress(inserted)
        sequences = connections[TARGET].ops.sequence_reset_sql(no_style(), models)
        for statement in ["SET CONSTRAINTS ALL IMMEDIATE", *_triggers(models, "ENABLE"), *sequences]:
            cursor.execute(statement)
    return number


def _triggers(models: list[tables.Model], verb: str) -> list[str]:
    return [f"ALTER TABLE {model._meta.db_table} {verb} TRIGGER USER" for model in models]


def _without_own_rows() -> list[str]:
    return [f"DELETE FROM {model._meta.db_table}" for model in MADE_BY_MIGRATIONS]  # noqa: S608 - our own names


def _compare(progress: Progress) -> None:
    """Compare every row, and verify the audit log and the keys on both sides.

    Raises:
        CannotCopy: something differs.
    """
    for model in tables.copied_models():
        found = [tables.fingerprint(model, alias) for alias in (SOURCE, TARGET)]
        if found[0] != found[1]:
            raise CannotCopy(f"{model._meta.db_table} is not the same on both sides. Nothing was copied.")
        progress(found[0][0])
    for alias, side in ((SOURCE, "SQLite"), (TARGET, "the copy")):
        with _reading_from(alias):
            if problems := [*_audit_problems(), *restored.problems()]:
                raise CannotCopy("\n".join([f"In {side}, so nothing was copied:", *problems]))


def _audit_problems() -> list[str]:
    return [
        f"The audit log of {pk}: {finding}"
        for pk in sorted(chain.organizations())
        for finding in chain.verify(pk).findings
    ]


class _Reads:
    """A database router that sends every read to one database."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        """Return the database."""
        return self._alias


@contextmanager
def _reading_from(alias: str) -> Iterator[None]:
    reads = _Reads(alias)
    router.routers.insert(0, reads)
    try:
        yield
    finally:
        router.routers.remove(reads)
