"""Pages of API keys: the list, creating a key and showing its text once, and revoking it with its sessions."""

import re
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access.agent_sessions import stop_session
from accounts.access.api_keys import find_api_key, revoke_api_key
from accounts.access.key_text import ID_LENGTH, MARK
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from accounts.web.replies import SeeOther, is_fragment, see_other
from integrations.editing.api_keys import create_api_key
from integrations.readiness import api_keys
from integrations.tools.seen_tools import tools_of_key
from integrations.web.forms import api_key as forms

KEY_TEXT = re.compile(rf"({MARK}[0-9A-Za-z]{{{ID_LENGTH}}})[0-9A-Za-z]+")


@require_GET
@requires(Permission.API_KEYS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of the list; only the list for htmx.

    If somebody searches for the text of a key, only its prefix stays in the address.
    """
    text = UNSTORABLE.sub("", request.GET.get("q", "")).strip()
    by_prefix = KEY_TEXT.sub(r"\1", text)
    if by_prefix != text:
        return SeeOther(f"{request.path}?{urlencode({'q': by_prefix})}")
    found = api_keys.page(actor, text, cursor=request.GET.get("cursor", ""))
    context = {
        "keys": found.items,
        "filters": {"q": text},
        "next_url": _next_url(request, found.next_cursor, **({"q": text} if text else {})),
    }
    return render(request, f"integrations/api_keys/{'_list' if is_fragment(request) else 'list'}.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(Permission.API_KEYS_CREATE, proof=Proof.PAGE)
def new(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form; POST creates the key and shows its text, which is never shown again."""
    if request.method != "POST":
        return _form(request, actor, forms.blank())
    sent = forms.read(request.POST)
    try:
        key, text = create_api_key(actor=actor, found=sent.errors, **sent.wanted)
    except Invalid as refusal:
        return _form(request, actor, sent.values, forms.form_errors(refusal.errors, sent.values), refusal.status)
    context = {"key": api_keys.rows_of(actor, [key])[0], "once": text}
    return render(request, "integrations/api_keys/created.html", context)


@require_POST
@requires(Permission.API_KEYS_CREATE)
def choices(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render the integrations to choose from: those that are chosen, and those that match the search."""
    if not is_fragment(request):
        return see_other("api-key-new", actor.organization.slug)
    text = UNSTORABLE.sub("", request.POST.get("find", "")).strip()
    ticked = forms.chosen(request.POST)
    for_agents = request.POST.get("for") == "agents"
    found = api_keys.choices(actor, text, ticked, for_agents=for_agents)
    context = {"choices": found, "find": text, "for_agents": for_agents, "errors": []}
    return render(request, "integrations/api_keys/_choices.html", context)


@require_GET
@requires(Permission.API_KEYS_READ)
def show(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """Show a key: what it may do, where it was last used, and a page of the tools that it sees."""
    key = find_api_key(actor=actor, key_id=key_id)
    row = api_keys.rows_of(actor, [key])[0]
    wanted = request.GET.get("environment", "")
    environment = next((one for one in row.environments if one.value == wanted), row.environments[-1])
    tools = tools_of_key(actor, key, environment, cursor=request.GET.get("cursor", "")) if row.may_run else None
    context = {
        "key": row,
        "environment": environment,
        "tools": tools,
        "next_url": _next_url(request, tools.next_cursor if tools else None, environment=environment.value),
    }
    return render(request, "integrations/api_keys/show.html", context)


@require_GET
@requires(Permission.API_KEYS_READ)
def sessions(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """Show a page of the sessions of a key."""
    key = find_api_key(actor=actor, key_id=key_id)
    found = api_keys.sessions_page(actor, key, cursor=request.GET.get("cursor", ""))
    context = {"key": key, "sessions": found.items, "next_url": _next_url(request, found.next_cursor)}
    return render(request, "integrations/api_keys/sessions.html", context)


@require_POST
@requires(Permission.API_KEYS_REVOKE)
def stop(request: CofferRequest, actor: Actor, session_id: UUID) -> HttpResponse:
    """Stop one session."""
    session = stop_session(actor=actor, session_id=session_id)
    messages.success(request, f"Stopped {session.name}")
    return see_other("api-key-sessions", actor.organization.slug, session.parent_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.API_KEYS_REVOKE)
def revoke(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """GET shows the question, with what stops; POST revokes the key and its sessions."""
    if request.method == "POST":
        key = revoke_api_key(actor=actor, key_id=key_id)
        messages.success(request, f"Revoked {key.name}")
        return see_other("api-keys", actor.organization.slug)
    key = find_api_key(actor=actor, key_id=key_id)
    template = "_revoke_dialog" if is_fragment(request) else "revoke"
    context = {"key": api_keys.rows_of(actor, [key])[0], "calls": api_keys.calls_under_way(actor, key_id)}
    return render(request, f"integrations/api_keys/{template}.html", context)


def _form(
    request: CofferRequest,
    actor: Actor,
    values: dict[str, Any],
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "values": values,
        "errors": errors or [],
        "scopes": [(scope.value, label, hint) for scope, (label, hint) in forms.SCOPES.items()],
        "environments": list(Environment),
        "ends": forms.ENDS.items(),
        "choices": api_keys.choices(actor, "", values["integrations"]),
        "find": "",
    }
    return render(request, "integrations/api_keys/form.html", context, status=status)


def _next_url(request: CofferRequest, cursor: str | None, **kept: str) -> str:
    return f"{request.path}?{urlencode(kept | {'cursor': cursor})}" if cursor else ""
