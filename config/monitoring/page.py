"""The page `/metrics` (docs/monitoring.md)."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from accounts.access.callers import bearer_token
from accounts.access.route_permissions import public


@public
def metrics(request: HttpRequest) -> HttpResponse:
    """Respond with the metrics of this server and of the installation to whoever has the token."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(bearer_token(request.headers.get("Authorization", "")) or "", settings.METRICS_TOKEN):
        return HttpResponse(
            "Send the token of COFFER_METRICS_TOKEN: Authorization: Bearer …\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": "Bearer"},
        )
    from config.monitoring.exposition import CONTENT_TYPE, exposition  # noqa: PLC0415 - only who wants it has it

    return HttpResponse(exposition(), content_type=CONTENT_TYPE)
