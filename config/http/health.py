"""Health checks: `/healthz` and `/readyz` (docs/api.md, "Health")."""

import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from accounts.access.route_permissions import public
from accounts.common.outages import log_outage
from config.databases.advice import Advice, advice
from secrets_app.models import KeyState
from secrets_app.sealing import canaries, held_keys, keyring

KEPT_SECONDS = 10.0
"""How long the state of everything but the connection to the database is kept."""

LEAST_FREE = 32 * 1024 * 1024
"""Free bytes below which SQLite may soon be unable to write."""

CLOCK_MAY_DIFFER = 5.0
"""Seconds. Codes of second factors, ends of sessions and roll-back windows depend on the time."""


@dataclass(frozen=True, slots=True)
class Part:
    """The state of something that Coffer needs: a code, and for people a sentence that says what to do."""

    code: str
    reason: str = ""


OK = Part("ok")
NOT_CHECKED = Part("not_checked", "It cannot be checked before the other problems are solved.")


@dataclass(frozen=True, slots=True)
class State:
    """The parts by name, the number of data keys that do not open (None if it is not known), and what to change."""

    parts: dict[str, Part]
    lost_data_keys: int | None = None
    warnings: list[Advice] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """The codes of the parts that cannot be used."""
        return [part.code for part in self.parts.values() if part not in (OK, NOT_CHECKED)]


_last: tuple[float, State] = (float("-inf"), State({}))


@public
def healthz(_request: HttpRequest) -> HttpResponse:
    """Respond with 200: the process is running."""
    return HttpResponse("ok", content_type="text/plain")


@public
def readyz(_request: HttpRequest) -> HttpResponse:
    """Respond with 200 if everything that Coffer needs is usable, otherwise 503 with the codes of what is not.

    A lost data key of one organization is counted, but stops nobody else. Nor does a warning.
    """
    state = current_state()
    answer = {
        "ready": not state.problems,
        "problems": state.problems,
        "lost_data_keys": state.lost_data_keys,
        "parts": {name: asdict(part) for name, part in state.parts.items()},
        "warnings": [asdict(warning) for warning in state.warnings],
    }
    return JsonResponse(answer, status=503 if state.problems else 200)


def current_state() -> State:
    """Return the state of all parts. The connection is checked at every call, the rest every ten seconds."""
    global _last  # noqa: PLW0603 - one result for the process
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if time.monotonic() - _last[0] > KEPT_SECONDS:
            _last = (time.monotonic(), _measured())
    except Error as fault:
        log_outage(fault)
        lost = Part("database", "The database does not answer. Check that it runs and that DATABASE_URL is right.")
        return State({"database": lost, "migrations": NOT_CHECKED, "keys": NOT_CHECKED})
    return _last[1]


def _measured() -> State:
    migrations = _migrations()
    parts = {"database": _writable(), "migrations": migrations}
    if migrations != OK:
        return State({**parts, "keys": NOT_CHECKED})
    lost = keyring.lost_keys()
    of_installation = any(key.organization_id is None and key.state == KeyState.ACTIVE.value for key in lost)
    of_database = {"disk": _disk()} if connection.vendor == "sqlite" else {"clock": _clock()}
    return State({**parts, "keys": _keys(is_lost=of_installation), **of_database}, len(lost), advice() + _unused_keys())


def _writable() -> Part:
    """Return whether the database takes writes: a read replica does not."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_read_only')")
            if cursor.fetchone() == ("on",):
                return Part("database_read_only", "The database is a read replica. Set DATABASE_URL to the primary.")
    return OK


def _migrations() -> Part:
    missing = _newest_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    if missing:
        apps = ", ".join(sorted({app for app, _ in missing}))
        return Part("migrations_missing", f"Migrations of {apps} are not applied. Run manage.py migrate.")
    return OK


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """Return the last migrations of each app. Where they are applied, the earlier ones are."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _keys(*, is_lost: bool) -> Part:
    if is_lost or canaries.mismatches():
        return Part(
            "keys_do_not_match",
            "The master keys of this process are not those of the database. Compare COFFER_MASTER_KEYS with the other "
            "hosts, and run manage.py keys.",
        )
    return OK


def _unused_keys() -> list[Advice]:
    if not held_keys.not_taken_over:
        return []
    sentence = (
        "The master keys were read again and not taken over, so those from before are held. The log says what is wrong "
        "with them. Correct that and send SIGHUP again (docs/keys.md)."
    )
    return [Advice("keys_not_taken_over", sentence)]


def _disk() -> Part:
    """Return whether SQLite can write: its file, and its folder for the write-ahead log."""
    file = Path(str(connection.settings_dict["NAME"]))
    if not all(os.access(place, os.W_OK) for place in (file, file.parent)):
        return Part("disk_not_writable", "The file of the database or its folder cannot be written. Check their modes.")
    if shutil.disk_usage(file.parent).free < LEAST_FREE:
        return Part("disk_full", "The disk of the database is almost full. Make room, or move the database.")
    return OK


def _clock() -> Part:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    apart = abs((timezone.now() - there).total_seconds())
    if apart > CLOCK_MAY_DIFFER:
        return Part(
            "clock_differs", f"The clocks of this host and the database are {apart:.0f} s apart. Synchronize them."
        )
    return OK
