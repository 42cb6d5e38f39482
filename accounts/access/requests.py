"""The type of a request as views see it.

Django's `HttpRequest` does not declare the attributes that middleware and decorators add. `CofferRequest` declares them
for the type checker; no instance of it exists at run time.
"""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.actors import Actor
from accounts.audit.refused_attempts import RefusedAttempt
from accounts.models import User


class CofferRequest(HttpRequest):
    """A request with the attributes that Coffer's own code and its libraries add.

    Attributes:
        htmx: set on every page by django-htmx's middleware.
        actor: set by `route_permissions.requires` on pages of an organization.
        auth: set by the API's authentication to the actor of the API key.
        find_attempt: describes the change that this request attempts, in case it is refused.
        before_act: called with the actor before an operation of the API does its work, once it is known to be allowed.
        deferred_mail: mail to send after the transaction of the request, while there is one.
    """

    htmx: HtmxDetails
    actor: Actor
    auth: Actor
    find_attempt: Callable[[], RefusedAttempt | None]
    before_act: Callable[[Actor], None]
    deferred_mail: list[Callable[[], None]]


def signed_in_user(request: HttpRequest) -> User:
    """Return the person who sent the request, in views that only signed-in people reach."""
    return cast("User", request.user)
