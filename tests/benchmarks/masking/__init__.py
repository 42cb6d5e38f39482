"""Masking: what it costs, what it finds, and what it finds wrongly (`make bench PART=masking`)."""

from tests.benchmarks.masking import callers, costs, findings
from tests.benchmarks.masking.rows import Row


def measure() -> list[Row]:
    """Return all figures, each with what it is of and its unit."""
    return [
        *costs.answers(),
        *costs.hostile_bodies(),
        *callers.beside_hostile_answers(),
        *findings.echoes(),
        *findings.false_positives(),
    ]
