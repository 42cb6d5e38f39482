"""Runs a view of django-allauth in one transaction with its audit events, and sends its mail afterwards.

django-allauth sends mail while it works. Sent at that point, mail would keep the transaction open for as long as the
mail server takes, and could report a change that is rolled back.
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
    """Run the block in a transaction. Mail sent inside it (`send_or_defer`) leaves after the commit."""
    deferred: list[Callable[[], None]] = []
    request.deferred_mail = deferred
    try:
        with transaction.atomic():
            yield
    finally:
        del request.deferred_mail
    for send in deferred:
        send()


def atomic_view(view: View) -> View:
    """Run the view within `atomic_with_mail`."""

    @functools.wraps(view)
    def wrapper(request: CofferRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with atomic_with_mail(request):
            return view(request, *args, **kwargs)

    return wrapper


def send_or_defer(request: HttpRequest | None, send: Callable[[], None]) -> None:
    """Send now, or after the transaction of `atomic_with_mail` if the request is inside one."""
    deferred = getattr(request, "deferred_mail", None)
    if deferred is None:
        send()
    else:
        deferred.append(send)
