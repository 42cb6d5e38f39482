"""Classes of durations: every duration has one, and percentiles come close to the true ones."""

import random
from bisect import bisect_right
from collections import Counter

import pytest

from integrations.figures.durations import BOUNDS, percentile


def class_of(milliseconds: int) -> int:
    return bisect_right(BOUNDS, milliseconds)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_percentile_is_within_a_tenth_of_the_true_one(share):
    chance = random.Random("coffer")
    for middle in (12, 180, 4_000):
        took = sorted(max(1, round(chance.lognormvariate(0, 0.5) * middle)) for _ in range(5_000))
        true = took[round(share * len(took))]
        assert percentile(Counter(map(class_of, took)), share) == pytest.approx(true, rel=0.1)


def test_without_a_run_there_is_no_percentile():
    assert percentile({}, 0.5) is None


def test_the_longest_run_has_a_class():
    assert percentile({class_of(10**6): 1}, 0.95) >= BOUNDS[-1] * 0.9
