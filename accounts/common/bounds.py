"""Bounds of what an installation, and each organization for itself, may set."""

LONGEST_ROLLBACK_HOURS = 24 * 30
SHORTEST_RUN_DAYS = 90
"""Pages tell of the last 90 days of runs."""
LONGEST_RUN_DAYS = 3650
