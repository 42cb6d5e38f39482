"""The members page: who belongs to the organization, changing roles, removing members and leaving."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access.api_keys import keys_created_by
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError, Invalid
from accounts.people import members, organizations
from accounts.people.members import MemberRow
from accounts.policy import Permission, Role
from accounts.web.replies import SeeOther, is_fragment, see_other

ROLES = {
    Role.MEMBER: "Browses the names and descriptions of secrets and integrations.",
    Role.ADMIN: "Also manages secrets, integrations, API keys, admins and members.",
    Role.OWNER: "Also sets the rules of the organization, adds other owners, and can delete it.",
}
TASKS = [
    ("See names and descriptions of secrets and integrations", set(Role)),
    ("Add, edit, rotate and disable secrets", {Role.OWNER, Role.ADMIN}),
    ("Set up, test and run integrations", {Role.OWNER, Role.ADMIN}),
    ("Create and revoke API keys", {Role.OWNER, Role.ADMIN}),
    ("Read the audit log and the hygiene page", {Role.OWNER, Role.ADMIN}),
    ("Invite and remove people, change roles of admins and members", {Role.OWNER, Role.ADMIN}),
    ("Add owners, change the rules, delete the organization", {Role.OWNER}),
    ("See a stored value", set()),
]


@require_GET
@requires(Permission.MEMBERS_MANAGE)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows one page of members and invitations; htmx gets only the members."""
    text = UNSTORABLE.sub("", request.GET.get("q", "")).strip()
    found = members.members(actor, text, cursor=request.GET.get("cursor", ""))
    context: dict[str, Any] = {
        "members": found.items,
        "filters": {"q": text},
        "next_url": _next(request, {"q": text, "cursor": found.next_cursor or ""}, found.next_cursor),
    }
    if is_fragment(request):
        return render(request, "accounts/members/_list.html", context)
    invited = members.invitations(actor, cursor=request.GET.get("invited", ""))
    context |= {
        "invitations": invited.items,
        "later_invitations_url": _next(request, {"invited": invited.next_cursor or ""}, invited.next_cursor),
        "shows_first_invitations": bool(request.GET.get("invited")),
        "tasks": [(task, [role in may for role in Role]) for task, may in TASKS],
        "roles": list(Role),
    }
    return render(request, "accounts/members/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MEMBERS_MANAGE, proof=Proof.PAGE)
def role(request: CofferRequest, actor: Actor, membership_id: UUID) -> HttpResponse:
    """GET shows the roles to choose from; POST changes the role."""
    shown = _member(actor, membership_id)
    if request.method != "POST":
        return _dialog(request, actor, "role", shown)
    chosen = role_of(request.POST.get("role", ""))
    if chosen is None:
        return _dialog(request, actor, "role", shown, [FieldError("role", "Choose a role.")])
    try:
        organizations.change_role(actor=actor, membership_id=membership_id, role=chosen)
    except Invalid as refusal:
        return _dialog(request, actor, "role", shown, refusal.errors)
    messages.success(request, f"{shown.name} is now {_with_article(chosen)}")
    if shown.is_you and chosen is Role.MEMBER:
        return see_other("secrets", actor.organization.slug)
    return see_other("members", actor.organization.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MEMBERS_MANAGE)
def remove(request: CofferRequest, actor: Actor, membership_id: UUID) -> HttpResponse:
    """GET shows a confirmation with the API keys that the person created; POST removes the person."""
    shown = _member(actor, membership_id)
    if request.method != "POST":
        return _dialog(request, actor, "remove", shown)
    try:
        organizations.remove_member(actor=actor, membership_id=membership_id, revoke_keys="revoke_keys" in request.POST)
    except Invalid as refusal:
        return _dialog(request, actor, "remove", shown, refusal.errors)
    messages.success(request, f"Removed {shown.name}")
    return _home() if shown.is_you else see_other("members", actor.organization.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.ORGANIZATION_LEAVE)
def leave(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows a confirmation; POST leaves the organization."""
    errors: list[FieldError] = []
    if request.method == "POST":
        try:
            organizations.leave(actor=actor)
        except Invalid as refusal:
            errors = refusal.errors
        else:
            messages.success(request, f"You left {actor.organization.name}")
            return _home()
    template = "_leave_dialog" if is_fragment(request) else "leave"
    return render(request, f"accounts/members/{template}.html", {"errors": errors}, status=422 if errors else 200)


def role_of(text: str) -> Role | None:
    """Return the role in a submitted form, or None if there is no such role."""
    return Role(text) if text in set(Role) else None


def roles_to_give(actor: Actor) -> list[tuple[str, str, str]]:
    """Return the roles that the actor may give, as value, label and meaning."""
    return [
        (role.value, role.label, meaning)
        for role, meaning in ROLES.items()
        if actor.may(organizations.permission_to_manage(role))
    ]


def _member(actor: Actor, membership_id: UUID) -> MemberRow:
    """Return a member that the actor may manage.

    Raises:
        NotFound: the organization has no such member.
        PermissionDenied: the member is an owner and the actor is not.
    """
    found = organizations.find_member(actor=actor, membership_id=membership_id)
    actor.check(organizations.permission_to_manage(Role(found.role)))
    return members.member(actor, found)


def _dialog(
    request: CofferRequest, actor: Actor, name: str, shown: MemberRow, errors: list[FieldError] | None = None
) -> HttpResponse:
    context = {"member": shown, "errors": errors or [], "choices": roles_to_give(actor)}
    if name == "remove":
        context["keys"] = keys_created_by(actor=actor, user_id=shown.user_id)
    template = f"_{name}_dialog" if is_fragment(request) else name
    return render(request, f"accounts/members/{template}.html", context, status=422 if errors else 200)


def _home() -> SeeOther:
    return see_other("home")


def _with_article(role: Role) -> str:
    return f"{'a' if role is Role.MEMBER else 'an'} {role.label.lower()}"


def _next(request: CofferRequest, kept: dict[str, str], cursor: str | None) -> str:
    """Return the URL of the next page, or an empty string on the last page."""
    return f"{request.path}?{urlencode({name: text for name, text in kept.items() if text})}" if cursor else ""
