"""Two addresses for whoever watches the process."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.stamps import public
from secrets_app import keyring


@public
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


@public
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Database and keys are usable, or 503 with the names of what is not."""
    problems = _problems()
    return JsonResponse({"ready": not problems, "problems": problems}, status=503 if problems else 200)


def _problems() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return ["keys"] if keyring.check_keys() else []
    except DatabaseError:
        return ["database"]
