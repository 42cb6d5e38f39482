"""Health checks: `/healthz` and `/readyz`."""

import time

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.access.route_permissions import public
from secrets_app.models import KeyState
from secrets_app.sealing import canaries, keyring

KEPT_SECONDS = 10.0

_last: tuple[float, dict[str, object]] = (float("-inf"), {})


@public
def healthz(_request: HttpRequest) -> HttpResponse:
    """Respond with 200: the process is running."""
    return HttpResponse("ok", content_type="text/plain")


@public
def readyz(_request: HttpRequest) -> HttpResponse:
    """Respond with 200 if the database and keys are usable, otherwise 503 with the codes of what is not.

    A lost data key of one organization is counted, but stops nobody else. The result is kept for ten seconds.
    """
    global _last  # noqa: PLW0603 - one result for the process
    if time.monotonic() - _last[0] > KEPT_SECONDS:
        _last = (time.monotonic(), _state())
    return JsonResponse(_last[1], status=200 if _last[1]["ready"] else 503)


def _state() -> dict[str, object]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        lost = keyring.lost_keys()
        of_installation = [key for key in lost if key.organization_id is None and key.state == KeyState.ACTIVE.value]
        problems = ["keys_do_not_match"] if of_installation or canaries.mismatches() else []
    except DatabaseError:
        return {"ready": False, "problems": ["database"], "lost_data_keys": None}
    return {"ready": not problems, "problems": problems, "lost_data_keys": len(lost)}
