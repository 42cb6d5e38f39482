"""What can be found with the database: the parts of `/readyz`, the cache, housekeeping, rows that contradict others."""

import secrets
from collections.abc import Iterator
from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone

from config.copying import restored
from config.doctor.diagnosis import Diagnosis
from config.http.health import NOT_CHECKED, OK, current_state
from config.models import FinishedJob
from integrations.readiness.inconsistent import inconsistencies
from secrets_app.models import OrganizationKey

LATE = timedelta(days=2)
"""How long ago housekeeping, which runs daily, may have finished."""

MOST_KEYS = 10
"""How many data keys that do not open are named."""


def findings() -> Iterator[Diagnosis]:
    """Return what is wrong. Without its migrations a database is not examined further."""
    state = current_state()
    unusable = {name: part for name, part in state.parts.items() if part not in (OK, NOT_CHECKED)}
    yield from (Diagnosis(name, part.reason) for name, part in unusable.items())
    if "migrations" in unusable:
        return
    yield from _lost_keys()
    yield from (Diagnosis("database", advice.reason) for advice in state.warnings)
    yield from _cache()
    yield from _housekeeping()
    yield from (Diagnosis("rows", sentence) for sentence in inconsistencies())


def _lost_keys() -> Iterator[Diagnosis]:
    problems = restored.problems()
    yield from (Diagnosis("keys", sentence) for sentence in problems[:MOST_KEYS])
    if problems:
        left = max(0, len(problems) - MOST_KEYS)
        sentence = f"{left} more do not open. Run manage.py keys, and see docs/incidents.md, “A lost master key”."
        yield Diagnosis("keys", sentence, is_wrong=bool(left))


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
    last = FinishedJob.objects.last_time("housekeeping")
    if last and last > timezone.now() - LATE:
        return
    when = f"finished last at {last:%Y-%m-%d %H:%M} UTC" if last else "has never finished"
    yield Diagnosis(
        "housekeeping",
        f"Housekeeping {when}. Run manage.py housekeeping, and let cron or a timer do it every day "
        "(docs/production.md).",
        is_wrong=bool(last) or _has_been_used(),
    )


def _has_been_used() -> bool:
    """Whether the installation is older than a day or two, by its oldest data key, so that housekeeping was due."""
    return OrganizationKey.objects.filter(created_at__lt=timezone.now() - LATE).exists()
