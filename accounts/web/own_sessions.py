"""Ending one of the person's own sessions."""

from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access.requests import CofferRequest, signed_in_user
from accounts.errors import NotFound


@require_POST
def end(request: CofferRequest, pk: int) -> HttpResponse:
    """POST ends the session, as the adapter records it.

    Raises:
        NotFound: the person has no such session.
    """
    session = UserSession.objects.filter(user=signed_in_user(request), pk=pk).first()
    if session is None:
        raise NotFound("No such session.")
    get_adapter().end_sessions([session])
    messages.success(request, "Ended the session")
    return redirect("usersessions_list")
