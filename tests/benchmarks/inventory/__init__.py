"""The pages of an organization as it grows."""

from tests.benchmarks.inventory.pages import measure

__all__ = ["measure"]
