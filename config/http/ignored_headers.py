"""Remembers that a request claimed by a forwarded header whom it comes from while no proxy is trusted.

That is how a forgotten `COFFER_TRUSTED_PROXIES` looks. A file tells it to `manage.py doctor`, which is another process.
"""

import logging
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from accounts.access.client_addresses import peer_address

logger = logging.getLogger(__name__)

_noted: set[str] = set()


def note(peer: str | None) -> None:
    """Log the peer and write it down, once in a process, where an installation on https trusts no proxy."""
    if _noted or settings.TRUSTED_PROXIES or not settings.HTTPS:
        return
    _noted.add(peer or "unix")
    logger.warning(
        "Forwarded headers from %s are ignored. If it is your proxy, set COFFER_TRUSTED_PROXIES to it.", peer or "unix"
    )
    with suppress(OSError):
        _file().write_text(peer or "unix", encoding="ascii")


def ignored_from() -> str:
    """Return the peer that was written down: an address, `unix` for a Unix socket, or nothing."""
    try:
        text = _file().read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if text == "unix" else peer_address(text) or ""


def _file() -> Path:
    return Path(settings.VAR) / "ignored-forwarded-headers"
