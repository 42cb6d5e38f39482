"""The address that a request came from."""

import ipaddress

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The peer's IP address in its shortest form, or None where the server gives none (a Unix socket).

    Forwarded headers are not read: anybody can send them. A proxy in front is named to the server
    (`uvicorn --forwarded-allow-ips`), which then puts the real peer here.
    """
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
