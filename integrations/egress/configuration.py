"""The operator's egress settings, read once."""

import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from integrations.egress.destinations import DEFAULT_PORTS
from integrations.egress.policy import EgressListError, EgressPolicy


@cache
def policy() -> EgressPolicy:
    """Return the egress policy from `COFFER_EGRESS_ALLOW`, `COFFER_NAT64_PREFIXES` and Coffer's own names.

    Raises:
        ImproperlyConfigured: a setting is malformed.
    """
    try:
        EgressPolicy.parse(settings.EGRESS_ALLOW)
    except EgressListError as problem:
        raise ImproperlyConfigured(f"COFFER_EGRESS_ALLOW: {problem}") from None
    try:
        return EgressPolicy.parse(settings.EGRESS_ALLOW, settings.NAT64_PREFIXES, _own_hosts())
    except EgressListError as problem:
        raise ImproperlyConfigured(f"COFFER_NAT64_PREFIXES: {problem}") from None


def _own_hosts() -> Iterator[tuple[str, int]]:
    site = urlsplit(settings.SITE_URL)
    port = site.port or DEFAULT_PORTS[site.scheme]
    return ((host.strip("[]"), port) for host in settings.ALLOWED_HOSTS)


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the TLS context for outgoing connections.

    It requires TLS 1.2, and trusts the system's roots and the roots in `COFFER_EGRESS_CA_FILE`.

    Raises:
        ImproperlyConfigured: the file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_system_roots(context)
    if settings.EGRESS_CA_FILE:
        try:
            context.load_verify_locations(cafile=settings.EGRESS_CA_FILE)
        except (OSError, ssl.SSLError) as problem:
            raise ImproperlyConfigured(f"COFFER_EGRESS_CA_FILE cannot be used: {type(problem).__name__}") from None
    return context


def _load_system_roots(context: ssl.SSLContext) -> None:
    """Load the roots from the paths compiled into OpenSSL.

    `load_default_certs` would let SSL_CERT_FILE replace the roots (docs/security-rules.md, "Connections").
    """
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else None
    capath = paths.openssl_capath if Path(paths.openssl_capath).is_dir() else None
    if cafile or capath:
        context.load_verify_locations(cafile=cafile, capath=capath)
