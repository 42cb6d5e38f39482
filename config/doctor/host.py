"""What the host and the settings say: proxies, addresses, static files, the disk."""

import os
import shutil
from collections.abc import Iterator

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import WARNING

from config.doctor.diagnosis import Diagnosis
from config.http.checks import check_proxies
from config.http.ignored_headers import ignored_from

LEAST_FREE = 256 * 1024 * 1024


def findings() -> Iterator[Diagnosis]:
    """Return what can be seen without the database."""
    yield from _proxies()
    yield from _addresses()
    yield from _static_files()
    yield from _disk()


def _proxies() -> Iterator[Diagnosis]:
    for message in check_proxies(None):
        if message.level >= WARNING:
            yield Diagnosis("proxies", f"{message.msg} {message.hint}")
    if settings.TRUSTED_PROXIES or not settings.HTTPS:
        return
    if peer := ignored_from():
        yield Diagnosis(
            "proxies",
            f"Requests from {peer} carry X-Forwarded-For or X-Forwarded-Proto, and no proxy is trusted: every person "
            "has the proxy's address, and pages redirect to https again and again. If it is your proxy, set "
            f"COFFER_TRUSTED_PROXIES={peer}. If not, or once it is set, delete var/ignored-forwarded-headers.",
        )
    else:
        yield Diagnosis(
            "proxies",
            "No proxy is trusted. If a proxy ends TLS in front of Coffer, set COFFER_TRUSTED_PROXIES to its address.",
            is_wrong=False,
        )


def _addresses() -> Iterator[Diagnosis]:
    if not settings.HTTPS:
        yield Diagnosis(
            "address", f"{settings.SITE_URL} is plain http, which serves this machine alone.", is_wrong=False
        )
    elif not settings.SECURE_SSL_REDIRECT:
        yield Diagnosis(
            "address",
            "COFFER_SSL_REDIRECT is off, so pages asked for over plain http are answered there. Cookies are sent over "
            "https alone, so nobody can sign in that way.",
            is_wrong=False,
        )
    if settings.DEBUG:
        yield Diagnosis("settings", "COFFER_DEBUG is on: pages of errors show code and settings.", is_wrong=False)


def _static_files() -> Iterator[Diagnosis]:
    if settings.DEBUG:
        return
    known = getattr(staticfiles_storage, "hashed_files", {})
    missing = {name for finder in get_finders() for name, _ in finder.list([]) if name not in known}
    lost = {name for name in known.values() if not (settings.STATIC_ROOT / name).is_file()}
    if missing or lost:
        example = min(missing or lost)
        yield Diagnosis(
            "static files",
            f"{len(missing | lost)} style sheets, scripts and pictures are not collected, such as {example}. Run "
            "manage.py collectstatic --noinput, and start Coffer again.",
        )


def _disk() -> Iterator[Diagnosis]:
    if not os.access(settings.VAR, os.W_OK | os.X_OK):
        yield Diagnosis("disk", f"{settings.VAR} cannot be written. Give it to the user that runs Coffer.")
    if shutil.disk_usage(settings.VAR).free < LEAST_FREE:
        yield Diagnosis("disk", f"The disk of {settings.VAR} is almost full. Make room on it.")
