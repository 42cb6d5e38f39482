"""Bounds of the settings that the installation and each organization may choose."""

LONGEST_ROLLBACK_HOURS = 24 * 30
SHORTEST_RUN_DAYS = 90
"""Pages show the runs of the last 90 days."""
LONGEST_RUN_DAYS = 3650

HIGHEST_CONCURRENT, HIGHEST_PER_MINUTE = 10_000, 1_000_000
MOST_CHOSEN = 200
"""How many integrations, or secrets, an API key may be limited to."""
