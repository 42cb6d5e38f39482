"""Classes of durations, which can be added up where durations themselves cannot: from their sums come p50 and p95.

Four classes double a duration, so a class is at most 19 % wide.
"""

from collections.abc import Mapping
from itertools import accumulate

from django.db.models import Func, IntegerField

LONGEST_MS = 300_000
"""More than a run takes; what takes longer is in the last class."""

BOUNDS = sorted({round(2 ** (step / 4)) for step in range(1, 74)})
"""The milliseconds at which the next class begins; the first class is below the first of them."""


class DurationClass(Func):
    """The number of the class of a column of milliseconds; null where it is null."""

    template = f"CASE {' '.join(f'WHEN %(expressions)s < {bound} THEN {at}' for at, bound in enumerate(BOUNDS))} "
    template += f"WHEN %(expressions)s IS NOT NULL THEN {len(BOUNDS)} END"
    output_field = IntegerField()


def percentile(durations: Mapping[int, int], share: float) -> int | None:
    """Return the milliseconds within which this share of the runs ended; None without a run.

    Within a class durations are taken to be spread evenly.

    Args:
        durations: how many runs are in each class.
        share: between 0 and 1.
    """
    classes = sorted(durations)
    wanted, before = share * sum(durations.values()), 0
    for at, until in zip(classes, accumulate(durations[at] for at in classes), strict=True):
        if until >= wanted:
            lowest, highest = _limits(at)
            return round(lowest + (highest - lowest) * (wanted - before) / (until - before))
        before = until
    return None


def _limits(at: int) -> tuple[int, int]:
    return (BOUNDS[at - 1] if at else 0), (BOUNDS[at] if at < len(BOUNDS) else LONGEST_MS)
