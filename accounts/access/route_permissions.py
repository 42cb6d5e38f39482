"""Route permissions: every route declares who may use it, at its view.

A page's view is wrapped in `public`, `signed_in` or `requires(permission)`, an API operation in `key_requires`. The
wrapper checks the permission and attaches it to the view as a `RoutePermission`; `manage.py check` refuses a route
without one (accounts/access/checks.py). A view under `requires` gets the actor as its second argument.

With `proof=Proof.PAGE` or `proof=Proof.ACT` the route also asks the person to confirm who they are
(accounts/access/step_up.py).
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponseBase

from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest
from accounts.access.second_factor_requirement import missing_second_factor
from accounts.access.step_up import ACCEPT_FOR, Proof, ask_for_proof, is_proven, missing_proof
from accounts.actors import Actor, actor_for_member
from accounts.audit import refused_attempts
from accounts.common.database import in_database
from accounts.common.proposals import no_such
from accounts.common.request_notes import note
from accounts.errors import FieldError, Invalid, NotFound, ProofNeeded, Refusal
from accounts.models import Membership
from accounts.policy import Permission

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class RoutePermission:
    """Who may use a route, and whether it asks for a proof.

    Attributes:
        access: `public`, `signed_in`, `permission` (people of an organization) or `key` (API keys).
        permission: the permission that the last two need.
        proof: how the route asks for a proof; None if it does not.
    """

    access: str
    permission: Permission | None = None
    proof: Proof | None = None


PARAMETERS_AT_MOST = 10
"""Unknown query parameters that one response names."""
DRY_RUN = "dry_run"
"""The query parameter of every synchronous operation that changes something (`config.api.answering`)."""
DRY_RUN_VALUES = (["true"], ["false"])
LAST_ORGANIZATION = "organization"
SAFE = {"GET", "HEAD", "OPTIONS"}
PUBLIC = RoutePermission("public")
SIGNED_IN = RoutePermission("signed_in")


def set_permission(view: Any, permission: RoutePermission) -> Any:
    """Attach a route permission to a view and return the view.

    Use it directly only for a view that does its own check, such as a library's.
    """
    view.route_permission = permission
    return view


def permission_of(view: Any) -> RoutePermission | None:
    """Return the route permission of a view, or None if it has none."""
    return getattr(view, "route_permission", None)


def public(view: View) -> View:
    """Allow everybody, signed in or not."""
    return set_permission(login_not_required(view), PUBLIC)


def signed_in(view: View, *, proof: Proof | None = None) -> View:
    """Allow everybody who is signed in. No organization is involved."""
    if proof is None:
        return set_permission(login_required(view), SIGNED_IN)

    @functools.wraps(view)
    def wrapper(request: CofferRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return missing_proof(request, proof) or view(request, *args, **kwargs)

    return set_permission(login_required(wrapper), RoutePermission("signed_in", proof=proof))


def requires(permission: Permission, *, proof: Proof | None = None) -> Callable[[View], View]:
    """Allow people of the organization in the URL who hold the permission.

    The view is called as `view(request, actor, …)`. An organization that the person does not belong to does not exist
    for them (`NotFound`); a missing permission is `PermissionDenied`. Only after these checks does the route ask for a
    second factor, where the organization requires one, and for a proof.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapper(request: CofferRequest, slug: str, **kwargs: Any) -> HttpResponseBase:
            actor = actor_of_request(request, slug)
            with _recording_refusals(request, view, actor, kwargs):
                actor.check(permission)
                missing = missing_second_factor(request, actor, permission) or (proof and missing_proof(request, proof))
                if missing and request.method not in SAFE:
                    record_refused_attempt(request, ProofNeeded("The session had no recent proof."))
                return _remember_organization(request, slug, missing or _answer(request, view, actor, kwargs))

        return set_permission(login_required(wrapper), RoutePermission("permission", permission, proof))

    return decorate


def _answer(request: CofferRequest, view: View, actor: Actor, url_parts: dict[str, Any]) -> HttpResponseBase:
    """Return the view's response; if only the view's service found that a proof is missing, ask for one."""
    try:
        return view(request, actor, **url_parts)
    except ProofNeeded as refusal:
        record_refused_attempt(request, refusal)
        return ask_for_proof(request, Proof.ACT)


@contextmanager
def _recording_refusals(
    request: CofferRequest, view: Callable[..., Any], actor: Actor, url_parts: dict[str, Any]
) -> Iterator[None]:
    """Record a refused change in the audit log. Requests that change nothing are not recorded."""
    if request.method in SAFE:
        yield
        return
    name = f"{view.__module__}.{view.__qualname__}"
    request.find_attempt = attempt = lambda: refused_attempts.attempt_for(name, actor, url_parts)
    with refused_attempts.recording_refusals(attempt):
        yield


def record_refused_attempt(request: CofferRequest, refusal: Refusal) -> None:
    """Record a refused attempt from a view that handles the refusal itself instead of raising it."""
    if attempt := request.find_attempt():
        refused_attempts.record_refusal(attempt, refusal)


def _remember_organization(request: CofferRequest, slug: str, response: HttpResponseBase) -> HttpResponseBase:
    """Store the organization in a cookie, so that the home page leads back to it."""
    if request.COOKIES.get(LAST_ORGANIZATION) != slug:
        response.set_cookie(
            LAST_ORGANIZATION, slug, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
        )
    return response


def actor_of_request(request: CofferRequest, slug: str) -> Actor:
    """Return the signed-in person as an actor of the organization with this slug.

    Also sets `request.actor`, which the page layout reads.

    Raises:
        NotFound: the organization does not exist, or the person does not belong to it.
    """
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(user=request.user.pk, organization__slug=slug)
        .first()
    )
    if membership is None:
        raise NotFound("No such organization.")
    note(organization=str(membership.organization_id))
    request.actor = actor_for_member(membership, address=client_address(request), proven=is_proven(request, ACCEPT_FOR))
    return request.actor


def _refuse_other_parameters(request: HttpRequest, arguments: Set[str]) -> None:
    """Refuse query parameters that the operation does not have: a misspelt `?dry_run=true` would do the act.

    Args:
        arguments: the names of the operation's arguments, parts of the path among them.

    Raises:
        Invalid: there is such a parameter.
    """
    if not request.GET:
        return
    known = arguments - (request.resolver_match.kwargs.keys() if request.resolver_match else set())
    if DRY_RUN in known and DRY_RUN in request.GET and request.GET.getlist(DRY_RUN) not in DRY_RUN_VALUES:
        raise Invalid("The query is not valid.", errors=[FieldError(DRY_RUN, "Send true or false.")])
    if unknown := sorted(request.GET.keys() - known):
        errors = [FieldError(name, no_such("query parameter", name, known)) for name in unknown[:PARAMETERS_AT_MOST]]
        raise Invalid("The query is not valid.", errors=errors)


def _admit(request: CofferRequest, permission: Permission | None, arguments: Set[str]) -> None:
    """Check the permission of an API key, and the query."""
    if permission:
        request.auth.check(permission)
    _refuse_other_parameters(request, arguments)


def key_requires(permission: Permission | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Allow API keys that hold the permission, or every key for None.

    `request.auth` is the key's actor (accounts/api/authentication.py).
    """

    def decorate(operation: Callable[..., Any]) -> Callable[..., Any]:
        arguments = inspect.signature(operation).parameters.keys() - {"request", "payload"}
        if inspect.iscoroutinefunction(operation):

            @functools.wraps(operation)
            async def asynchronous(request: CofferRequest, *args: Any, **kwargs: Any) -> Any:
                _admit(request, permission, arguments)
                if hasattr(request, "before_act"):
                    await in_database(request.before_act, request.auth)
                return await operation(request, *args, **kwargs)

            return set_permission(asynchronous, RoutePermission("key", permission))

        @functools.wraps(operation)
        def wrapper(request: CofferRequest, *args: Any, **kwargs: Any) -> Any:
            with _recording_refusals(request, operation, request.auth, kwargs):
                _admit(request, permission, arguments if request.method in SAFE else arguments | {DRY_RUN})
                if hasattr(request, "before_act"):
                    request.before_act(request.auth)
                return operation(request, *args, **kwargs)

        return set_permission(wrapper, RoutePermission("key", permission))

    return decorate
