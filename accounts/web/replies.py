"""Responses that are not whole pages: redirects after POST, and fragments for htmx."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from accounts.access.requests import CofferRequest
from accounts.policy import Permission, Role, permissions_of_role


class SeeOther(HttpResponseRedirect):
    """A 303 redirect after a completed action (RFC 9110 section 15.4.4)."""

    status_code = 303


def see_other(name: str, *args: object) -> SeeOther:
    """Redirect to the URL of this name."""
    return SeeOther(reverse(name, args=args))


def home_page(role: Role) -> str:
    """Return the name of the page where a person with this role lands in an organization."""
    return "overview" if Permission.RUNS_READ in permissions_of_role(role) else "secrets"


def is_fragment(request: CofferRequest) -> bool:
    """Whether htmx asks for a fragment of a page. Restoring a page from the history needs the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def ask(request: CofferRequest, page: str, dialog: str, context: dict[str, Any]) -> HttpResponse:
    """Answer an act with a question. htmx gets the dialog for the place of dialogs, whatever its own target is."""
    if not is_fragment(request):
        return render(request, page, context)
    response = render(request, dialog, context)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#modal", "innerHTML"
    return response


@dataclass(frozen=True, slots=True)
class Undo:
    """The form that undoes what was done: its address and its fields."""

    url: str
    fields: list[tuple[str, str]]


def with_undo(request: HttpRequest, said: str, undo: Undo | None) -> None:
    """Say on the next page what was done, beside a button that undoes it."""
    messages.success(request, said, extra_tags=json.dumps(asdict(undo)) if undo else "")
