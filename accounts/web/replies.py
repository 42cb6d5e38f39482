"""Responses that are not whole pages: redirects after POST, and fragments for htmx."""

from django.http import HttpResponseRedirect
from django.urls import reverse

from accounts.access.requests import CofferRequest


class SeeOther(HttpResponseRedirect):
    """A 303 redirect after a completed action (RFC 9110 section 15.4.4)."""

    status_code = 303


def see_other(name: str, *args: object) -> SeeOther:
    """Redirect to the URL of this name."""
    return SeeOther(reverse(name, args=args))


def is_fragment(request: CofferRequest) -> bool:
    """Whether htmx asks for a fragment of a page. Restoring a page from the history needs the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request
