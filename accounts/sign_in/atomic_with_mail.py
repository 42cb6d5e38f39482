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

View = Callable[..., HttpResponseBase]


@contextmanager
def atomic_with_mail(request: HttpRequest) -> Iterator[None]:
    """Everything or nothing; mail that is sent within leaves once it is done (`send_or_defer`)."""
    kept: list[Callable[[], None]] = []
    request.mail_of_act = kept  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            yield
    finally:
        del request.mail_of_act  # type: ignore[attr-defined]
    for send in kept:
        send()


def atomic_view(view: View) -> View:
    """The view within `atomic_with_mail`."""

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with atomic_with_mail(request):
            return view(request, *args, **kwargs)

    return wrapper


def send_or_defer(request: HttpRequest | None, send: Callable[[], None]) -> None:
    """Send now, or when the act is done that this request is in the middle of."""
    kept = getattr(request, "mail_of_act", None)
    if kept is None:
        send()
    else:
        kept.append(send)
