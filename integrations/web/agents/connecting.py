"""Connecting an agent in three steps: choose what it may use, paste a snippet with its key, see its first call."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access.api_keys import find_api_key
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.editing.api_keys import create_api_key
from integrations.readiness import api_keys
from integrations.tools.first_call import WAITING, FirstCall, first_call
from integrations.tools.seen_tools import tools_of_choice, tools_of_key
from integrations.web.agents.snippets import SNIPPETS
from integrations.web.forms import agent as forms
from integrations.web.forms.api_key import SOME, form_errors

ADDRESS = "/mcp"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(Permission.API_KEYS_CREATE, proof=Proof.PAGE)
def connect(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the choice; POST makes the key and shows the snippets, which nobody can see again."""
    if request.method != "POST":
        return _form(request, actor, forms.blank())
    sent = forms.read(request.POST)
    try:
        key, text = create_api_key(actor=actor, found=sent.errors, **sent.wanted)
    except Invalid as refusal:
        return _form(request, actor, sent.values, form_errors(refusal.errors, sent.values), refusal.status)
    url = settings.SITE_URL.rstrip("/") + ADDRESS
    context = {
        "key": key,
        "once": text,
        "chosen": sent.values["client"],
        "snippets": [(one, one.filled(url, f"{text.prefix}…"), one.filled(url, text.text)) for one in SNIPPETS],
        "first": FirstCall(WAITING),
        "environment": forms.environment_of(sent.values),
        "tools": tools_of_key(actor, key, forms.environment_of(sent.values)),
    }
    return render(request, "integrations/agents/paste.html", context)


@require_POST
@requires(Permission.API_KEYS_CREATE)
def tools(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render the tools that an agent with this choice would see."""
    if not is_fragment(request):
        return see_other("agent-connect", actor.organization.slug)
    return render(request, "integrations/agents/_tools.html", _preview(actor, forms.read(request.POST).values))


@require_GET
@requires(Permission.API_KEYS_READ)
def first(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """Show whether the agent has called. While it has not, the page that asks every two seconds is left as it is."""
    found = first_call(actor=actor, key_id=key_id)
    if is_fragment(request) and found.state == WAITING:
        return HttpResponse(status=204)
    key = find_api_key(actor=actor, key_id=key_id)
    environment = in_order(key.environments)[-1]
    shown = {
        "key": key,
        "first": found,
        "environment": environment,
        "tools": tools_of_key(actor, key, environment),
        "is_fragment": is_fragment(request),
    }
    template = "_first_call" if is_fragment(request) else "first_call"
    return render(request, f"integrations/agents/{template}.html", shown)


def _preview(actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    environment = forms.environment_of(values)
    chosen = values["integrations"] if values["reach"] == SOME else None
    return {"environment": environment, "tools": tools_of_choice(actor, environment, chosen)}


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
        "clients": SNIPPETS,
        "environments": list(Environment),
        "ends": forms.ENDS.items(),
        "choices": api_keys.choices(actor, "", values["integrations"], for_agents=True),
        "find": "",
        "for_agents": True,
        **_preview(actor, values),
    }
    return render(request, "integrations/agents/connect.html", context, status=status)
