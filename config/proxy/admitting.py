"""What a request to `/proxy/` must be before anything of it is looked up: to this host, of a known method, small in its
head. Django's own checks do not run here."""

from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from accounts.errors import Refusal
from config.http.requests import header_of
from integrations.exchange.passed_paths import METHODS

MOST_HEADERS, MOST_HEADER_BYTES = 256, 64 * 1024
_LOCAL = [".localhost", "127.0.0.1", "[::1]"]
"""Hosts of development mode where none are set, as Django has them."""


class BadRequest(Refusal):
    """The request is not for this host, or not in a form that can be passed through."""

    code, status, title = "bad_request", 400, "Bad Request"


class MethodNotAllowed(Refusal):
    """The method is not passed through."""

    code, status, title = "method_not_allowed", 405, "Method Not Allowed"


class HeadersTooLarge(Refusal):
    """There are too many headers, or they are too large."""

    code, status, title = "request_header_fields_too_large", 431, "Request Header Fields Too Large"


class HttpTooOld(Refusal):
    """HTTP/1.0 cannot say where an answer ends whose length nobody knows."""

    code, status, title = "http_version_not_supported", 505, "HTTP Version Not Supported"


def check_request(scope: dict[str, Any]) -> None:
    """Check a request.

    Raises:
        Refusal: it is not passed through.
    """
    if scope["http_version"] == "1.0":
        raise HttpTooOld("Use HTTP/1.1. A proxy in front of Coffer has to use it, too (nginx: proxy_http_version 1.1).")
    if not _is_for_us(scope):
        raise BadRequest("This is not the name of this server. Use the address that Coffer shows for the connection.")
    if settings.SECURE_SSL_REDIRECT and scope["scheme"] not in {"https", "wss"}:
        raise BadRequest("Use https. The API key was sent in the open: replace it.")
    if scope.get("method", "GET") not in METHODS:
        raise MethodNotAllowed(f"Only these methods are passed through: {', '.join(METHODS)}.")
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if len(scope["headers"]) > MOST_HEADERS or size > MOST_HEADER_BYTES:
        raise HeadersTooLarge(f"Send at most {MOST_HEADERS} headers, of {MOST_HEADER_BYTES} bytes together.")


def _is_for_us(scope: dict[str, Any]) -> bool:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    allowed = settings.ALLOWED_HOSTS or (_LOCAL if settings.DEBUG else [])
    return len(hosts) == 1 and validate_host(split_domain_port(header_of(scope, b"host"))[0], allowed)
