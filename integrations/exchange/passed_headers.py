"""Which headers of a request and of its response go on when it is passed through (RFC 9110 section 7.6).

Names are compared as CGI servers read them (RFC 3875 section 4.1.18), where `_` and `-` are alike.
"""

from collections.abc import Collection, Iterable, Sequence

Header = tuple[str, str]

_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"}
"""About one connection. Every name that begins with `Proxy-` is as well, and so is what `Connection` names."""

_NOT_SENT = _HOP_BY_HOP | {
    # set anew for the upstream
    "host", "content-length", "expect", "accept-encoding", "max-forwards",
    # credentials of the caller, which are for Coffer
    "authorization", "cookie", "cookie2",
    # who calls from where
    "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
    "fastly-client-ip", "origin", "referer",
    # would make another request of it than the one that was judged
    "x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url",
    # a value that comes in parts is not found in any of them
    "range", "if-range",
}  # fmt: skip
_NOT_SENT_BEGINNINGS = ("proxy-", "x-forwarded-", "coffer-", "sec-", "access-control-")

_NOT_RETURNED = _HOP_BY_HOP | {
    # set anew for the caller
    "content-length", "content-encoding", "date", "cache-control", "expires", "pragma", "age", "accept-ranges",
    # what a browser would keep for Coffer's own address
    "set-cookie", "set-cookie2", "strict-transport-security", "public-key-pins", "public-key-pins-report-only",
    "alt-svc", "clear-site-data", "nel", "report-to", "reporting-endpoints", "service-worker-allowed", "refresh",
    "content-security-policy", "content-security-policy-report-only", "x-content-type-options", "origin-agent-cluster",
    # orders for a proxy in front of Coffer
    "x-sendfile", "x-lighttpd-send-file", "x-reproxy-url", "x-reproxy-file", "surrogate-control", "cdn-cache-control",
}  # fmt: skip
_NOT_RETURNED_BEGINNINGS = ("proxy-", "access-control-", "coffer-", "x-accel-", "cross-origin-")


def folded(name: str) -> str:
    """Return the name of a header as servers compare it."""
    return name.lower().replace("_", "-")


def sent_on(headers: Sequence[Header], own: Collection[str]) -> list[Header]:
    """Return the headers of a caller that the upstream gets.

    Args:
        headers: without those that carried the key.
        own: the names, folded, of the headers that Coffer adds, which win.
    """
    dropped = {*_NOT_SENT, *own, *_named_by_connection(headers)}
    return [(name, value) for name, value in headers if value and not _is_in(name, dropped, _NOT_SENT_BEGINNINGS)]


def returned(headers: Sequence[Header]) -> list[Header]:
    """Return the headers of a response that the caller gets."""
    dropped = _NOT_RETURNED | _named_by_connection(headers)
    return [(name, value) for name, value in headers if not _is_in(name, dropped, _NOT_RETURNED_BEGINNINGS)]


def _is_in(name: str, names: Collection[str], beginnings: tuple[str, ...]) -> bool:
    return folded(name) in names or folded(name).startswith(beginnings)


def _named_by_connection(headers: Iterable[Header]) -> set[str]:
    named = (value for name, value in headers if folded(name) == "connection")
    return {folded(part.strip()) for value in named for part in value.split(",")}
