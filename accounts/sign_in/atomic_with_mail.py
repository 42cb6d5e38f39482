"""A view of django-allauth as one act: what it changes and the entries about it are one transaction, mail comes after.

allauth sends mail in the middle of its work. Sent there it would keep the transaction open for as long as a mail server
takes, and tell of what was rolled back.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from accounts.access.requests import CofferRequest

View = Callable[..., HttpResponseBase]


@contextmanager
def atomic_with_mail(request: CofferRequest) -> Iterator[None]:
    """Everything or nothing; mail that is sent within leaves once it is done (`send_or_defer`)."""
    kept: list[Callable[[], None]] = []
    request.deferred_mail = kept
    try:
        with transaction.atomic():
            yield
    finally:
        del request.deferred_mail
    for send in kept:
        send()


def atomic_view(view: View) -> View:
    """The view within `atomic_with_mail`."""

    @functools.wraps(view)
    def wrapper(request: CofferRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with atomic_with_mail(request):
            return view(request, *args, **kwargs)

    return wrapper


def send_or_defer(request: HttpRequest | None, send: Callable[[], None]) -> None:
    """Send now, or when the act is done that this request is in the middle of."""
    kept = getattr(request, "deferred_mail", None)
    if kept is None:
        send()
    else:
        kept.append(send)
