"""Work on many rows beside people and runs, which never have to wait for it or fail because of it."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.db import OperationalError, connection, models, transaction

PAUSE_SECONDS = 0.05
TRIES = 100

Progress = Callable[[int], object]
"""Is told how many rows were looked at."""
Result = TypeVar("Result")
Row = TypeVar("Row", bound=models.Model)


def in_batches(rows: "models.QuerySet[Any, Row]", size: int) -> Iterator[list[Row]]:
    """Yield the rows in order of their ids. Each batch is a query of its own, so that no long one stays open."""
    rows = rows.order_by("pk")
    batch = list(rows[:size])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:size])


def give_way(job: Callable[[], Result]) -> Result:
    """Do a job in a transaction that is undone and repeated when it has to wait for a lock.

    PostgreSQL looks for a deadlock after a second of waiting. The job waits for a fifth of it, so that in a deadlock
    with an edit it is never the edit that fails.

    Raises:
        OperationalError: the lock was not to be had for several seconds, or the database does not answer.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                _wait_briefly()
                return job()
        except OperationalError:
            if not tries_left:
                raise
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _wait_briefly() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
