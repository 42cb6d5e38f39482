"""What the log says of a request beside its method and status: ids, the route and a code, never a value."""

from contextvars import ContextVar

REQUESTS, RUNS = "coffer.requests", "coffer.runs"
"""The loggers of the lines for each request and each run."""

NOTES: ContextVar[dict[str, str]] = ContextVar("coffer.request_notes")
"""The notes on the request that is being handled. Parts of the product that learn something add it."""

REQUEST_ID: ContextVar[str] = ContextVar("coffer.request_id", default="")
"""The id of the request that is being handled; empty outside of one."""


def note(**fields: str) -> None:
    """Add fields to the line of this request; outside of a request nothing happens."""
    NOTES.get({}).update(fields)
