"""The page that imports a description of an API or a curl command.

Reading, looking and importing are submissions of one form. Between them, only the browser holds the text: it is not in
the session, the database or a page. With htmx, answers are fragments next to the form, so the fields keep the text.
Without scripts, the page comes back with an empty field and says so.
"""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import record_refused_attempt, requires
from accounts.access.step_up import proof_beside
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid, ProofNeeded
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.importing.drafts import MOST_CHOSEN, Draft
from integrations.importing.making import ImportResult, make_import
from integrations.importing.plan import ImportOptions, plan_import
from integrations.models import ApiImport, Integration
from integrations.web.imports import form, shown
from integrations.web.imports.form import ImportForm

OTHER_TEXT = "The text is not the one that you looked at. Look at what would be made now, then import it."
LISTED = 50


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@requires(Permission.INTEGRATIONS_WRITE)
def new(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form; POST reads the text, shows what would be made, or imports."""
    if request.method != "POST":
        return _page(request, actor, {})
    sent = form.read(request)
    try:
        draft = form.draft_of(sent)
    except Invalid as refusal:
        return _page(request, actor, {"errors": refusal.errors}, refusal.status)
    if sent.act != "import":
        options = _chosen(draft, sent)
        is_looking = sent.act == "preview" or len(draft.outlines) == 1
        return _page(request, actor, _shown(actor, draft, options, is_looking=is_looking))
    return _import(request, actor, draft, sent)


def _import(request: CofferRequest, actor: Actor, draft: Draft, sent: ImportForm) -> HttpResponse:
    try:
        result = _made(actor, draft, sent)
    except (Invalid, ProofNeeded) as refusal:
        context = _shown(actor, draft, sent.options, is_looking=True, errors=refusal.errors)
        if isinstance(refusal, ProofNeeded):
            record_refused_attempt(request, refusal)
            context |= {"errors": [FieldError("", refusal.detail)], "proof_url": proof_beside(request)}
        return _page(request, actor, context, refusal.status)
    return _done(request, actor, result)


def _made(actor: Actor, draft: Draft, sent: ImportForm) -> ImportResult:
    if sent.expected != draft.fingerprint:
        raise Invalid("", errors=[FieldError("", OTHER_TEXT)])
    return make_import(actor=actor, draft=draft, options=sent.options)


def _done(request: CofferRequest, actor: Actor, result: ImportResult) -> HttpResponse:
    count = len(result.actions)
    messages.success(request, f"Imported {result.connection.name} with {count} action{'s' if count > 1 else ''}")
    page = ("integration-edit", actor.organization.slug, result.connection.pk)
    if request.htmx:
        return HttpResponseClientRedirect(reverse(page[0], args=page[1:]))
    return see_other(*page)


def _chosen(draft: Draft, sent: ImportForm) -> ImportOptions:
    """Return the choices, with those of the buttons that choose several operations."""
    keys = [each.key for each in draft.outlines]
    if sent.act == "reads":
        keys = [each.key for each in draft.outlines if each.is_read]
    elif sent.act != "all" and len(keys) > 1:
        known = set(keys)
        keys = [key for key in sent.options.operations if key in known]
    return replace(sent.options, operations=tuple(keys[:MOST_CHOSEN]))


def _shown(
    actor: Actor, draft: Draft, options: ImportOptions, *, is_looking: bool, errors: list[FieldError] | None = None
) -> dict[str, Any]:
    context: dict[str, Any] = {
        "draft": draft,
        "groups": shown.groups(draft, options.operations),
        "chosen": len(options.operations),
        "most": MOST_CHOSEN,
        "options": options,
        "errors": errors or [],
    }
    if not is_looking:
        return context
    plan = plan_import(actor, draft, options)
    found = errors or list(plan.errors)
    preview = shown.preview(actor, draft, options, plan)
    return context | {"preview": preview, "errors": shown.with_controls(found, preview)}


def _page(request: CofferRequest, actor: Actor, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "integrations/imports/_plan.html" if request.htmx else "integrations/imports/new.html"
    context = {"environments": list(Environment), "errors": [], "is_update": False} | context
    if not request.htmx:
        seen = Integration.objects.visible_to(actor)
        rows = ApiImport.objects.filter(connection__in=seen).select_related("connection")
        context["imports"] = rows.order_by("connection__name", "pk")[:LISTED]
    return render(request, template, context, status=status)
