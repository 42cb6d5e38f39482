"""What can be found with the database: the parts of `/readyz`, the cache, housekeeping, rows that contradict others."""

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.doctor.diagnosis import Diagnosis
from config.http.health import NOT_CHECKED, OK, readyz
from integrations.readiness.inconsistent import inconsistencies
from secrets_app.models import SecretValue, ValueState

LATE = timedelta(days=2)
"""How long after the end of a session or a window housekeeping, which runs daily, must have removed it."""


def findings() -> Iterator[Diagnosis]:
    """Return what is wrong. Without its migrations a database is not examined further."""
    state = json.loads(cast("HttpResponse", readyz(HttpRequest())).content)
    parts = state["parts"]
    unusable = {name: part for name, part in parts.items() if part["code"] not in {OK.code, NOT_CHECKED.code}}
    yield from (Diagnosis(name, part["reason"]) for name, part in unusable.items())
    if "migrations" in unusable:
        return
    if lost := state["lost_data_keys"]:
        yield Diagnosis(
            "keys", f"{lost} data keys do not open, so their values are lost. Run manage.py keys (docs/incidents.md)."
        )
    yield from _sqlite()
    yield from _cache()
    yield from _housekeeping()
    yield from (Diagnosis("rows", sentence) for sentence in inconsistencies())


def _sqlite() -> Iterator[Diagnosis]:
    if connection.vendor == "sqlite" and settings.WORKERS > 1:
        yield Diagnosis(
            "database",
            f"SQLite is used with {settings.WORKERS} workers, which wait for one another at every write. Set "
            "WEB_CONCURRENCY=1, or move to PostgreSQL.",
        )


def _cache() -> Iterator[Diagnosis]:
    key, text = f"doctor-{secrets.token_hex(8)}", "kept"
    try:
        cache.set(key, text, timeout=60)
        kept = cache.get(key) == text
        cache.delete(key)
    except Exception as fault:  # each cache has exceptions of its own
        yield Diagnosis(
            "cache",
            f"The cache cannot be used ({type(fault).__name__}). Check CACHE_URL, and that its server runs and takes "
            "the password.",
        )
        return
    if not kept:
        yield Diagnosis(
            "cache",
            "The cache forgets what it is given, so limits of sign-ins do not hold. Run manage.py migrate, or check "
            "CACHE_URL.",
        )


def _housekeeping() -> Iterator[Diagnosis]:
    due = timezone.now() - LATE
    previous = SecretValue.objects.filter(state=ValueState.PREVIOUS.value, rollback_until__lt=due)
    if Session.objects.filter(expire_date__lt=due).exists() or previous.exists():
        yield Diagnosis(
            "housekeeping",
            "Sessions or previous values that ended more than two days ago are still there, so housekeeping does not "
            "run. Run manage.py housekeeping, and let cron or a timer do it every day (docs/production.md).",
        )
