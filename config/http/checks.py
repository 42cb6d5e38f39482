"""What `manage.py check --deploy` says about proxies (docs/production.md)."""

import os
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


@checks.register(deploy=True)
def check_proxies(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Say whose forwarded headers count, and warn where the server would read them by itself."""
    del app_configs
    found: list[checks.CheckMessage] = [_trusted()]
    if os.environ.get("FORWARDED_ALLOW_IPS"):
        found.append(
            checks.Warning(
                "FORWARDED_ALLOW_IPS is set, so uvicorn trusts X-Forwarded-For by itself.",
                hint="Remove it, start uvicorn with --no-proxy-headers, and set COFFER_TRUSTED_PROXIES.",
                id="coffer.W001",
            )
        )
    return found


def _trusted() -> checks.CheckMessage:
    if settings.TRUSTED_PROXIES:
        return checks.Info(
            f"X-Forwarded-For and X-Forwarded-Proto count from {settings.TRUSTED_PROXIES}.", id="coffer.I001"
        )
    return checks.Info(
        "No proxy is trusted: the address of a connection is its caller's, and X-Forwarded-Proto is ignored.",
        hint="If a proxy is in front of Coffer, set COFFER_TRUSTED_PROXIES to its address.",
        id="coffer.I001",
    )
