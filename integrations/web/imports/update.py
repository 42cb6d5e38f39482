"""The page that updates what was imported, from a newer description."""

from typing import Any
from uuid import UUID

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
from accounts.errors import EditConflict, FieldError, Invalid, ProofNeeded
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.importing.drafts import Draft
from integrations.importing.updating import (
    ChangeKind,
    UpdateOptions,
    UpdateResult,
    compare,
    find_import,
    update_import,
)
from integrations.models import ApiImport
from integrations.web.imports import form

LISTS = (
    (
        ChangeKind.CHANGED,
        "change",
        "Changed",
        "What the API changed replaces what was imported; other edits stay.",
    ),
    (ChangeKind.GONE, "switch_off", "Gone", "The description has these no more. Chosen ones are switched off."),
    (ChangeKind.NEW, "add", "New", "Chosen ones become actions of this connection."),
    (ChangeKind.OFFERED, "add", "Not imported so far", "They were there before and were not chosen."),
)
"""What the page lists: the kind of change, its control, and its heading."""


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@requires(Permission.INTEGRATIONS_WRITE)
def update(request: CofferRequest, actor: Actor, import_id: UUID) -> HttpResponse:
    """GET shows the form; POST compares a description with what was imported, or takes over what was chosen.

    Raises:
        NotFound: there is no such import.
    """
    record = find_import(actor, import_id)
    if request.method != "POST":
        return _page(request, record, {})
    sent, options = form.read_update(request)
    try:
        draft = form.draft_of(sent)
    except Invalid as refusal:
        return _page(request, record, {"errors": refusal.errors}, refusal.status)
    if sent.act != "import":
        return _page(request, record, _shown(actor, record, draft, options))
    try:
        return _done(request, actor, update_import(actor=actor, import_id=record.pk, draft=draft, options=options))
    except (Invalid, ProofNeeded, EditConflict) as refusal:
        shown = _shown(actor, record, draft, options)
        shown["errors"] = [FieldError("", each.message) for each in refusal.errors] or [FieldError("", refusal.detail)]
        if isinstance(refusal, ProofNeeded):
            record_refused_attempt(request, refusal)
            shown["proof_url"] = proof_beside(request)
        return _page(request, record, shown, refusal.status)


def _done(request: CofferRequest, actor: Actor, result: UpdateResult) -> HttpResponse:
    done = [(len(result.changed), "changed"), (len(result.added), "added"), (len(result.switched_off), "switched off")]
    said = ", ".join(f"{count} {word}" for count, word in done if count) or "nothing had to change"
    messages.success(request, f"Updated {result.record.connection.name}: {said}")
    page = ("integration-edit", actor.organization.slug, result.record.connection_id)
    if request.htmx:
        return HttpResponseClientRedirect(reverse(page[0], args=page[1:]))
    return see_other(*page)


def _shown(actor: Actor, record: ApiImport, draft: Draft, options: UpdateOptions) -> dict[str, Any]:
    changes = compare(actor, record, draft)
    chosen = {"change": options.change, "add": options.add, "switch_off": options.switch_off}
    lists = []
    for kind, control, title, note in LISTS:
        rows = [
            {"change": each, "control": control, "chosen": each.key in chosen[control]}
            for each in changes
            if each.kind is kind
        ]
        if rows:
            lists.append({"title": title, "note": note, "rows": rows, "open": kind is not ChangeKind.OFFERED})
    return {"draft": draft, "changes": lists, "differs": any(each["open"] for each in lists)}


def _page(request: CofferRequest, record: ApiImport, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "integrations/imports/_changes.html" if request.htmx else "integrations/imports/update.html"
    shown: dict[str, Any] = {"record": record, "errors": [], "is_update": True} | context
    return render(request, template, shown, status=status)
