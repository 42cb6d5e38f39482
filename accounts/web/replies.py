"""How pages reply when they are not shown whole."""

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse


class SeeOther(HttpResponseRedirect):
    """303: the act is done, go and look there (RFC 9110 section 15.4.4)."""

    status_code = 303


def see_other(name: str, *args: object) -> SeeOther:
    """Go to the page of this name."""
    return SeeOther(reverse(name, args=args))


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page; a page that the browser goes back to is asked for whole."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request
