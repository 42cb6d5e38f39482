"""Pages for inviting people and for accepting an invitation. Opening an invitation's link writes nothing."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest, signed_in_user
from accounts.access.route_permissions import public, requires, signed_in
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied, RateLimited
from accounts.models import Invitation
from accounts.people import approvals, invitations
from accounts.people.links import sentences_about_mail
from accounts.policy import Permission, Role
from accounts.web.members import role_of, roles_to_give
from accounts.web.replies import is_fragment, see_other


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MEMBERS_MANAGE, proof=Proof.PAGE)
def invite(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form; POST sends the invitations."""
    values = {"emails": "", "role": Role.MEMBER.value}
    if request.method != "POST":
        return _invite_dialog(request, actor, values)
    values = {name: UNSTORABLE.sub("", request.POST.get(name, "")) for name in values}
    role = role_of(values["role"])
    if role is None:
        return _invite_dialog(request, actor, values, [FieldError("role", "Choose a role.")])
    try:
        made = invitations.invite(actor=actor, emails=values["emails"].replace(",", "\n").splitlines(), role=role)
    except Invalid as refusal:
        return _invite_dialog(request, actor, values, refusal.errors)
    return _redirect_to_list(
        request, actor, made, f"Invited {made[0].email}" if len(made) == 1 else f"Invited {len(made)} people"
    )


@require_POST
@requires(Permission.MEMBERS_MANAGE)
def renew(request: CofferRequest, actor: Actor, invitation_id: UUID) -> HttpResponse:
    """POST sends an invitation again, with a new link."""
    try:
        invitation = invitations.renew(actor=actor, invitation_id=invitation_id)
    except RateLimited as refusal:
        messages.warning(request, refusal.detail)
        return see_other("members", actor.organization.slug)
    return _redirect_to_list(request, actor, [invitation], f"Sent again to {invitation.email}")


@require_POST
@requires(Permission.OWNERS_MANAGE, proof=Proof.ACT)
def approve(request: CofferRequest, actor: Actor, invitation_id: UUID) -> HttpResponse:
    """POST approves an invitation that staff made, and sends its link."""
    invitation = approvals.approve(actor=actor, invitation_id=invitation_id)
    return _redirect_to_list(request, actor, [invitation], f"Approved the invitation of {invitation.email}")


@require_POST
@requires(Permission.MEMBERS_MANAGE)
def withdraw(request: CofferRequest, actor: Actor, invitation_id: UUID) -> HttpResponse:
    """POST withdraws an invitation."""
    invitation = invitations.withdraw(actor=actor, invitation_id=invitation_id)
    messages.success(request, f"Withdrew the invitation of {invitation.email}")
    return see_other("members", actor.organization.slug)


@require_GET
@never_cache
@public
def look(request: CofferRequest, token: str) -> HttpResponse:
    """GET shows the invitation and how to accept it: signed in with its address, or with a new account."""
    return _page(request, token)


@require_POST
@signed_in
def accept(request: CofferRequest, token: str) -> HttpResponse:
    """POST joins the organization."""
    try:
        membership = invitations.accept(token=token, user=signed_in_user(request), address=client_address(request))
    except (NotFound, PermissionDenied):
        return _page(request, token, status=403)
    except Invalid as refusal:
        return _page(request, token, refusal.errors, status=422)
    return _welcome(request, membership.organization.name, membership.organization.slug)


@require_POST
@sensitive_post_parameters()
@public
def create_account(request: CofferRequest, token: str) -> HttpResponse:
    """POST creates an account for the invited address, joins the organization and signs in."""
    if request.user.is_authenticated:
        return see_other("invitation", token)
    name, password = (UNSTORABLE.sub("", request.POST.get(field, "")) for field in ("name", "password"))
    try:
        membership = invitations.accept_with_new_account(
            token=token, name=name, password=password, address=client_address(request)
        )
    except (NotFound, PermissionDenied):
        return _page(request, token, status=403)
    except Invalid as refusal:
        return _page(request, token, refusal.errors, name=name, status=422)
    login = Login(user=membership.user, redirect_url=reverse("secrets", args=[membership.organization.slug]))
    return perform_password_login(request, {"email": membership.user.email}, login)


def _redirect_to_list(request: CofferRequest, actor: Actor, made: list[Invitation], done: str) -> HttpResponse:
    """Redirect to the list, with a warning for each mail that was not sent."""
    messages.success(request, done)
    for sentence in sentences_about_mail(actor, made):
        messages.warning(request, sentence)
    return see_other("members", actor.organization.slug)


def _invite_dialog(
    request: CofferRequest, actor: Actor, values: dict[str, str], errors: list[FieldError] | None = None
) -> HttpResponse:
    context = {"values": values, "errors": errors or [], "choices": roles_to_give(actor)}
    template = "_invite_dialog" if is_fragment(request) else "invite"
    return render(request, f"accounts/members/{template}.html", context, status=422 if errors else 200)


def _page(
    request: CofferRequest, token: str, errors: list[FieldError] | None = None, *, name: str = "", status: int = 200
) -> HttpResponse:
    """Render the page of an invitation, or the same 404 page for every link that does not work."""
    try:
        invitation = invitations.find_by_token(token)
    except NotFound:
        return render(request, "accounts/members/invitation_over.html", status=404)
    context: dict[str, Any] = {
        "invitation": invitation,
        "role": Role(invitation.role),
        "token": token,
        "errors": errors or [],
        "name": name,
        "signin_url": f"{reverse('account_login')}?{urlencode({'next': reverse('invitation', args=[token])})}",
        "may_create_account": invitations.may_create_account(),
        "is_theirs": request.user.is_authenticated and request.user.email == invitation.email,
    }
    return render(request, "accounts/members/invitation.html", context, status=status)


def _welcome(request: CofferRequest, name: str, slug: str) -> HttpResponse:
    messages.success(request, f"You now belong to {name}")
    return see_other("secrets", slug)
