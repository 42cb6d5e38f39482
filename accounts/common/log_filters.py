"""Log filters: what Django logs of a request that was refused or failed.

It logs the whole path, in which somebody may have put a value or a token, and a traceback for each request during an
outage of the database.
"""

import logging
import re
from http import HTTPStatus

from django.urls import Resolver404, resolve
from django.urls.converters import UUIDConverter

from accounts.common.outages import log_outage, refusal_for

UNKNOWN_ROUTE = "an unknown path"
_is_id = re.compile(UUIDConverter.regex).fullmatch


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


class OutagesOnce(logging.Filter):
    """Drops lines about outages and shortages: `log_outage` says the same once a minute.

    Whoever responds with 503 has logged why, so further lines with this status are dropped too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is about something else."""
        fault = record.exc_info[1] if record.exc_info else None
        if fault is not None and refusal_for(fault):
            log_outage(fault)
            return False
        return getattr(record, "status_code", None) != HTTPStatus.SERVICE_UNAVAILABLE


def described(path: str) -> dict[str, str]:
    """Return the route of a path, and of its parameters the ids."""
    try:
        match = resolve(path)
    except Resolver404:
        return {"route": UNKNOWN_ROUTE}
    ids = {name.removesuffix("_id"): str(value) for name, value in match.kwargs.items() if _is_id(str(value))}
    return {"route": match.route, **ids}


def _route(path: str) -> str:
    """Return the pattern of a path, also where the request was refused before it was resolved."""
    try:
        return resolve(path).route
    except Resolver404:
        return UNKNOWN_ROUTE
