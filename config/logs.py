"""The setting `LOGGING`. Libraries that log what they send, or the address of a request, are limited to warnings."""

from contextvars import ContextVar
from typing import Any

QUIET = ("aiohttp", "asyncio", "urllib3", "django.db.backends", "django.template", "uvicorn.access")
WITHOUT_PATHS = ("django.request", "django.security.csrf")

REQUEST_ID: ContextVar[str] = ContextVar("coffer.request_id", default="")
"""The id of the request that is being handled; empty outside of one."""


def logging(level: str) -> dict[str, Any]:
    """Return the setting `LOGGING`: everything from this level up goes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
        "filters": {
            "routes": {"()": "accounts.common.log_filters.RoutesInsteadOfPaths"},
            "outages": {"()": "accounts.common.log_filters.OutagesOnce"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING", "propagate": True} for name in QUIET},
            **{name: {"filters": ["outages", "routes"]} for name in WITHOUT_PATHS},
        },
    }
