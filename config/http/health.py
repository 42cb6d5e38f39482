"""Health checks: `/healthz` and `/readyz`."""

import time

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.access.route_permissions import public
from secrets_app.sealing import keyring

KEPT_SECONDS = 10.0

_last: tuple[float, list[str]] = (float("-inf"), [])


@public
def healthz(_request: HttpRequest) -> HttpResponse:
    """Respond with 200: the process is running."""
    return HttpResponse("ok", content_type="text/plain")


@public
def readyz(_request: HttpRequest) -> HttpResponse:
    """Respond with 200 if the database and keys are usable, otherwise 503 with the names of what is not.

    The result is kept for ten seconds.
    """
    global _last  # noqa: PLW0603 - one result for the process
    if time.monotonic() - _last[0] > KEPT_SECONDS:
        _last = (time.monotonic(), _problems())
    problems = _last[1]
    return JsonResponse({"ready": not problems, "problems": problems}, status=503 if problems else 200)


def _problems() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return ["keys"] if keyring.check_keys() else []
    except DatabaseError:
        return ["database"]
