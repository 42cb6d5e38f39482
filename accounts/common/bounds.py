"""Bounds of the settings that the installation and each organization may choose."""

LONGEST_ROLLBACK_HOURS = 24 * 30
SHORTEST_RUN_DAYS = 90
"""Pages show the runs of the last 90 days."""
LONGEST_RUN_DAYS = 3650
APPROVAL_DAYS, LONGEST_APPROVAL_DAYS = 7, 365
"""How long the arguments of a call that was held are kept after its end."""

HIGHEST_CONCURRENT, HIGHEST_PER_MINUTE = 10_000, 1_000_000
MOST_CHOSEN = 200
"""How many integrations, or secrets, an API key may be limited to."""

CALLER_LENGTH = 254
"""How long the label of an actor may be, in characters, where it is kept beside what the actor did."""
WHY_LENGTH = 300
"""How long the reason of a stop may be, in characters."""

COST_DIGITS, COST_PLACES = 18, 8
"""Of the cost of a day: ten digits before the point, and eight after it."""
MOST_DAILY_CALLS = 1_000_000_000
