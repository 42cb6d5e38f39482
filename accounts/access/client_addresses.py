"""The client's IP address."""

import ipaddress
from functools import lru_cache

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP address in the form that `peer_address` gives it.

    Forwarded headers are ignored, because anybody can send them. If a proxy is in front, the server is told its address
    (`uvicorn --forwarded-allow-ips`) and puts the client's address here.
    """
    return peer_address(request.META.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=1024)
def peer_address(text: str) -> str | None:
    """Return an IP address in its shortest form, or None if the server has none (a Unix socket).

    An IPv4 address that arrives on an IPv6 socket is written as IPv4, and a zone (`%eth0`) is dropped. Both databases
    return exactly this text, so the audit chain can be recomputed from stored events.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
