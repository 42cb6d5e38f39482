"""Coffer with one promise, or one economy, switched off, to see what it costs. Nothing but the benchmark serves this.

`uvicorn tests.benchmarks.without:application`, with WITHOUT naming it.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from uuid import uuid4

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from accounts import batches, prepared, standing
from config import lean
from config.asgi import application
from integrations import dialling, ledger, transport
from integrations.models import Run
from secrets_app.redaction import Masked, Redactor

__all__ = ["PARTS", "application"]


def _no_masking() -> None:
    Redactor.mask_all = lambda self, parts: [Masked(part, frozenset(), withheld=False) for part in parts]  # type: ignore[method-assign]


def _no_records() -> None:
    def begin_all(starts: Sequence[ledger.Start]) -> list[Run]:
        return [Run(id=uuid4()) for _ in starts]

    ledger.begin_all = begin_all
    ledger.finish_all = lambda ends: None


def _no_judgement_of_addresses() -> None:
    dialling.judge_addresses = lambda *_: None
    transport._check_destination = lambda *_: None


def _no_durability() -> None:
    def set_off(connection: BaseDatabaseWrapper, **_: object) -> None:
        connection.cursor().execute("SET synchronous_commit TO off")

    connection_created.connect(set_off, weak=False)


def _no_prepared_look_ups() -> None:
    standing.StandingQuery.composed = property(lambda self: standing._Composed(self._make()))  # type: ignore[assignment, method-assign]
    prepared._cursor = connection.cursor
    prepared._in_one_round_trip = nullcontext


def _no_direct_runs() -> None:
    lean.direct_call = lambda *_: None


def _no_kept_connections() -> None:
    transport.pool_here = lambda: None


def _no_stamps() -> None:
    ledger.stamp_now_and_then = lambda *_: None


def _no_sharing() -> None:
    batches.MOST, batches.PATIENCE_SECONDS, batches.AT_ONCE = 1, 0, 8


PARTS: dict[str, Callable[[], None]] = {
    "masking": _no_masking,
    "records": _no_records,
    "judging addresses": _no_judgement_of_addresses,
    "stamps of last use": _no_stamps,
    "durable commits": _no_durability,
    "prepared look-ups in one round trip": _no_prepared_look_ups,
    "the way past the framework": _no_direct_runs,
    "kept connections": _no_kept_connections,
    "shared look-ups and commits": _no_sharing,
}

if part := os.environ.get("WITHOUT"):
    PARTS[part]()
