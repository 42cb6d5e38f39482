"""The setting `LOGGING`. Libraries that log what they send are limited to warnings."""

from typing import Any

QUIET = ("aiohttp", "asyncio", "urllib3", "django.db.backends", "django.template")
WITHOUT_TOKENS = ("django.request", "django.security.csrf")


def logging(level: str) -> dict[str, Any]:
    """Return the setting `LOGGING`: everything from this level up goes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
        "filters": {"without_tokens": {"()": "accounts.common.log_filters.WithoutTokens"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING", "propagate": True} for name in QUIET},
            **{name: {"filters": ["without_tokens"]} for name in WITHOUT_TOKENS},
        },
    }
