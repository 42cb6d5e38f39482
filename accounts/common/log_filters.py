"""Log filters: Django logs the whole path of a refused request, in which somebody may have put a value or a token."""

import logging

from django.urls import Resolver404, resolve

UNKNOWN_ROUTE = "an unknown path"


class RoutesInsteadOfPaths(logging.Filter):
    """Replaces the path of a request by the pattern of its route, such as `api/v1/secrets/<uuid:secret_id>`.

    No line is dropped.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the path in the arguments of the record, and keep the record."""
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            route = _route(request.path)
            spellings = (request.path, request.path.encode("unicode_escape").decode("ascii"))
            record.args = tuple(route if part in spellings else part for part in record.args)
        return True


def _route(path: str) -> str:
    """Return the pattern of a path, also where the request was refused before it was resolved."""
    try:
        return resolve(path).route
    except Resolver404:
        return UNKNOWN_ROUTE
