"""How pages reply when they are not shown whole."""

from django.http import HttpResponseRedirect
from django.urls import reverse

from accounts.access.requests import CofferRequest


class SeeOther(HttpResponseRedirect):
    """303: the act is done, go and look there (RFC 9110 section 15.4.4)."""

    status_code = 303


def see_other(name: str, *args: object) -> SeeOther:
    """Go to the page of this name."""
    return SeeOther(reverse(name, args=args))


def is_fragment(request: CofferRequest) -> bool:
    """Whether htmx asks for a part of a page; a page that the browser goes back to is asked for whole."""
    return bool(request.htmx) and not request.htmx.history_restore_request
