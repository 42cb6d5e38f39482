"""The address that a request came from."""

import ipaddress
from functools import lru_cache

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The peer's IP address, as `peer_address` writes it.

    Forwarded headers are not read: anybody can send them. A proxy in front is named to the server
    (`uvicorn --forwarded-allow-ips`), which then puts the real peer here.
    """
    return peer_address(request.META.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=1024)
def peer_address(text: str) -> str | None:
    """An IP address in its shortest form, or None where the server gives none (a Unix socket).

    An IPv4 address that arrives on an IPv6 socket is written as what it is, and a zone (`%eth0`) is left out: this is
    the text that both databases give back, so that the audit chain can be computed again.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
