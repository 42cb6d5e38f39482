"""The setting `LOGGING`. Libraries that log what they send, or the address of a request, are limited to warnings."""

import json
import logging as standard_logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from accounts.common.request_notes import REQUEST_ID, REQUESTS, RUNS

QUIET = (
    "aiohttp",
    "asyncio",
    "mcp",
    "sse_starlette",
    "urllib3",
    "django.db.backends",
    "django.template",
    "websockets",
)
BROKEN_OFF: ContextVar[bool] = ContextVar("coffer.broken_off", default=False)
"""Whether the answer to the request at hand was broken off on purpose, so that no caller takes it for complete, or was
another than the server expects."""
WITHOUT_PATHS = ("django.request", "django.security.csrf")


class BrokenOffKnowingly(standard_logging.Filter):
    """Drops what the server says of answers that were broken off on purpose; the line of the request has the code."""

    @override
    def filter(self, record: standard_logging.LogRecord) -> bool:
        """Return whether the record is about something else."""
        return not (BROKEN_OFF.get() and "without completing" in record.getMessage())


_OF_WEBSOCKETS = ("WebSocket", "Invalid UTF-8 sequence", "connection open", "connection closed", "connection rejected")


class WithoutHandshakes(standard_logging.Filter):
    """Drops what the server says of WebSockets: the address with its query, the frames, and mistakes of callers."""

    @override
    def filter(self, record: standard_logging.LogRecord) -> bool:
        """Return whether the record is about something else."""
        said = str(record.msg)
        return record.levelno > standard_logging.DEBUG and not any(words in said for words in _OF_WEBSOCKETS)


class JsonLines(standard_logging.Formatter):
    """Writes each record as a line of JSON, with the id of its request."""

    @override
    def format(self, record: standard_logging.LogRecord) -> str:
        """Return the line. A record whose only argument is a dictionary becomes its members."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        if isinstance(record.args, dict):
            line["message"] = record.msg.partition(" ")[0]
            line.update(record.args)
        else:
            line["message"] = record.getMessage()
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def logging(level: str, form: str) -> dict[str, Any]:
    """Return the setting `LOGGING`: what has this level or more goes to standard error, as text or as lines of JSON."""
    of_format: dict[str, dict[str, Any]] = {
        # the lines of requests and runs are for machines
        "text": {REQUESTS: {"level": "WARNING"}, RUNS: {"level": "WARNING"}},
        "json": {"uvicorn": {"handlers": [], "propagate": True}},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
            "json": {"()": "config.logs.JsonLines"},
        },
        "filters": {
            "routes": {"()": "accounts.common.log_filters.RoutesInsteadOfPaths"},
            "broken_off": {"()": "config.logs.BrokenOffKnowingly"},
            "handshakes": {"()": "config.logs.WithoutHandshakes"},
            "outages": {"()": "accounts.common.log_filters.OutagesOnce"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING", "propagate": True} for name in QUIET},
            **of_format.get(form, {}),
            **{name: {"filters": ["outages", "routes"]} for name in WITHOUT_PATHS},
            "uvicorn.access": {"propagate": False},  # uvicorn composes no lines for a logger without handlers
            "uvicorn.error": {"filters": ["broken_off", "handshakes"]},
        },
    }
