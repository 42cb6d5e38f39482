"""Coffer with one part switched off, to see what the part costs or saves. Only the ablation benchmark serves this.

`uvicorn tests.benchmarks.without:application`, with WITHOUT naming it.
"""

import os
from collections.abc import Callable, Sequence

import django

django.setup()

from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402 - these need the settings
from django.db.backends.signals import connection_created  # noqa: E402
from django.utils import timezone  # noqa: E402
from yarl import URL  # noqa: E402

from accounts.common import database  # noqa: E402
from accounts.common.sql import compiled, pipeline  # noqa: E402
from config.api import fast_path  # noqa: E402
from config.asgi import application  # noqa: E402
from integrations.broker import ledger  # noqa: E402
from integrations.models import BegunRun  # noqa: E402
from integrations.transport import client, connections  # noqa: E402
from secrets_app.redaction.redactor import Redactor  # noqa: E402

__all__ = ["PARTS", "application"]


def _no_masking() -> None:
    Redactor.is_clean = lambda self, parts: True  # type: ignore[method-assign]


def _no_records() -> None:
    def begin_all(starts: Sequence[ledger.RunStart]) -> list[BegunRun]:
        return [ledger._run(start, timezone.now()) for start in starts]

    ledger.begin_all = begin_all
    ledger.endings = lambda ends: []


def _no_address_checks() -> None:
    connections.judge_addresses = lambda *_: None
    client.admit_origin = lambda scheme, authority, _: URL(f"{scheme}://{authority}")


def _no_durable_commits() -> None:
    def set_off(connection: BaseDatabaseWrapper, **_: object) -> None:
        connection.cursor().execute("SET synchronous_commit TO off")

    connection_created.connect(set_off, weak=False)


def _no_compiled_queries() -> None:
    compiled.CompiledQuery.compiled = property(lambda self: compiled._Compiled(self._make()))  # type: ignore[method-assign, assignment]


def _no_round_trips() -> None:
    pipeline._is_plain = lambda _: False


def _no_fast_path() -> None:
    fast_path.fast_path_call = lambda *_: None


def _no_kept_connections() -> None:
    connections.pool_here = lambda: None


def _no_stamps() -> None:
    ledger.stamp_unless_recent = lambda *_: None


def _no_sharing() -> None:
    database.MAX_BATCH, database.MAX_WAIT_SECONDS, database.MAX_WORKERS = 1, 0, 8


PARTS: dict[str, Callable[[], None]] = {
    "masking": _no_masking,
    "records": _no_records,
    "judging addresses": _no_address_checks,
    "last-used times": _no_stamps,
    "durable commits": _no_durable_commits,
    "compiled queries": _no_compiled_queries,
    "round trips and kept plans": _no_round_trips,
    "the fast path": _no_fast_path,
    "kept connections": _no_kept_connections,
    "shared look-ups and commits": _no_sharing,
}

if part := os.environ.get("WITHOUT"):
    PARTS[part]()
