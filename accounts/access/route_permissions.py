"""Every route says who may use it, where it is written.

A page's view is wrapped in `public`, `signed_in` or `requires(permission)`; an API operation in `key_requires`.
The wrapper does the check and leaves a `RoutePermission` behind; `manage.py check` refuses a route without one
(accounts/access/checks.py). A view under `requires` gets the actor as its second argument and no way round it.

`proof=Proof.PAGE` or `proof=Proof.ACT` makes the act ask again who is there (accounts/access/step_up.py).
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpResponseBase

from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest
from accounts.access.second_factor_requirement import missing_second_factor
from accounts.access.step_up import Proof, missing_proof
from accounts.actors import Actor, actor_for_member
from accounts.audit import refused_attempts
from accounts.errors import NotFound, ProofNeeded, Refusal
from accounts.models import Membership
from accounts.policy import Permission

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class RoutePermission:
    """Who may use a route: anybody, anybody signed in, or holders of a permission; and whether it asks for a proof."""

    access: str
    permission: Permission | None = None
    proof: Proof | None = None


LAST_ORGANIZATION = "organization"
SAFE = {"GET", "HEAD", "OPTIONS"}
PUBLIC = RoutePermission("public")
SIGNED_IN = RoutePermission("signed_in")


def set_permission(view: Any, permission: RoutePermission) -> Any:
    """Attach a route permission to a view that does its own check (an included library's)."""
    view.route_permission = permission
    return view


def permission_of(view: Any) -> RoutePermission | None:
    """The route permission of a view, or None where somebody forgot it."""
    return getattr(view, "route_permission", None)


def public(view: View) -> View:
    """Anybody, also without signing in."""
    return set_permission(login_not_required(view), PUBLIC)


def signed_in(view: View, *, proof: Proof | None = None) -> View:
    """Anybody who is signed in; no organization is involved."""
    if proof is None:
        return set_permission(login_required(view), SIGNED_IN)

    @functools.wraps(view)
    def wrapper(request: CofferRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return missing_proof(request, proof) or view(request, *args, **kwargs)

    return set_permission(login_required(wrapper), RoutePermission("signed_in", proof=proof))


def requires(permission: Permission, *, proof: Proof | None = None) -> Callable[[View], View]:
    """People of the organization in the URL who hold the permission; the view is called as `view(request, actor, …)`.

    An organization that the person does not belong to does not exist for them (`NotFound`); a missing permission is
    `PermissionDenied`. Only then is a second factor asked for where the organization requires one, and a proof.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapper(request: CofferRequest, slug: str, **kwargs: Any) -> HttpResponseBase:
            actor = actor_of_request(request, slug)
            with _recording_refusals(request, view, actor, kwargs):
                actor.check(permission)
                asked = missing_second_factor(request, actor, permission) or (proof and missing_proof(request, proof))
                if asked and request.method not in SAFE:
                    record_refused_attempt(request, ProofNeeded("Nobody had proven themselves in this session lately."))
                return _remembering(request, slug, asked or view(request, actor, **kwargs))

        return set_permission(login_required(wrapper), RoutePermission("permission", permission, proof))

    return decorate


@contextmanager
def _recording_refusals(
    request: CofferRequest, view: Callable[..., Any], actor: Actor, parts: dict[str, Any]
) -> Iterator[None]:
    """Have a refused change noted in the audit log; asking for a page changes nothing."""
    if request.method in SAFE:
        yield
        return
    name = f"{view.__module__}.{view.__qualname__}"
    request.find_attempt = attempt = lambda: refused_attempts.attempt_for(name, actor, parts)
    with refused_attempts.recording_refusals(attempt):
        yield


def record_refused_attempt(request: CofferRequest, refusal: Refusal) -> None:
    """For a view that answers a refusal itself: have the attempt noted as if the refusal had passed by."""
    if attempt := request.find_attempt():
        refused_attempts.record_refusal(attempt, refusal)


def _remembering(request: CofferRequest, slug: str, response: HttpResponseBase) -> HttpResponseBase:
    """Note the organization in a cookie, so that the front page leads back to it."""
    if request.COOKIES.get(LAST_ORGANIZATION) != slug:
        response.set_cookie(
            LAST_ORGANIZATION, slug, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
        )
    return response


def actor_of_request(request: CofferRequest, slug: str) -> Actor:
    """The signed-in person in the organization with this slug; also left on the request for the page's frame.

    Raises:
        NotFound: no such organization, or not theirs.
    """
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(user=request.user.pk, organization__slug=slug)
        .first()
    )
    if membership is None:
        raise NotFound("No such organization.")
    request.actor = actor_for_member(membership, address=client_address(request))
    return request.actor


def key_requires(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """API keys that hold the permission. `request.auth` is the key's actor by then (accounts/api/authentication.py)."""

    def decorate(operation: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(operation):

            @functools.wraps(operation)
            async def asynchronous(request: CofferRequest, *args: Any, **kwargs: Any) -> Any:
                request.auth.check(permission)
                return await operation(request, *args, **kwargs)

            return set_permission(asynchronous, RoutePermission("key", permission))

        @functools.wraps(operation)
        def wrapper(request: CofferRequest, *args: Any, **kwargs: Any) -> Any:
            actor = request.auth
            with _recording_refusals(request, operation, actor, kwargs):
                actor.check(permission)
                return operation(request, *args, **kwargs)

        return set_permission(wrapper, RoutePermission("key", permission))

    return decorate
