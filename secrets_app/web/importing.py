"""The page that imports a `.env` text.

Checking and applying are two submissions of the same form. Between them, only the browser holds the text: it is not in
the session, the database or a page. With htmx, the response to a check is a fragment next to the form, so the field
keeps the pasted text. Without scripts, the page comes back with an empty field and says so.
"""

from dataclasses import replace
from time import monotonic
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import EditConflict, FieldError, Invalid
from accounts.policy import Permission
from secrets_app.errors import TextTooLarge, ValueTooShort
from secrets_app.importing import dotenv
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.importing.plan import ImportChoices, ImportLine, ImportReport, LineAction
from secrets_app.web.forms import importing
from secrets_app.web.forms.importing import ImportSubmission

CHANGED = "What this import would do has changed since you checked: somebody saved a secret, or the text is different."
REFUSED = "Nothing was imported. Some lines need a decision."
SHOWN_AT_MOST = 500


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@requires(Permission.SECRETS_WRITE, proof=Proof.PAGE)
def import_secrets(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form; POST runs the dry run (`act=check`) or the import (`act=apply`)."""
    if request.method == "GET":
        return _page(request, {"environment": Environment.DEVELOPMENT})
    sent = importing.read(request)
    context: dict[str, Any] = {"environment": sent.environment, "errors": sent.errors}
    if sent.errors:
        return _page(request, context, status=422)
    try:
        return _imported(request, actor, sent) if sent.is_apply else _checked(request, actor, sent)
    except EditConflict:
        return _checked(request, actor, sent, [FieldError("", CHANGED)], status=409)
    except TextTooLarge as refusal:
        return _page(request, context | {"errors": refusal.errors}, status=422)
    except Invalid:
        return _checked(request, actor, sent, [FieldError("", REFUSED)], status=422)


def _imported(request: CofferRequest, actor: Actor, sent: ImportSubmission) -> HttpResponse:
    report = apply_import(
        actor=actor, environment=sent.environment, text=sent.text, choices=sent.choices, expected=sent.token
    )
    created, replaced = len(report.of(LineAction.CREATED)), len(report.of(LineAction.REPLACED))
    messages.success(
        request, f"Imported into {sent.environment.label}: {created:,} created, {replaced:,} with a new value"
    )
    if request.htmx:
        return HttpResponseClientRedirect(reverse("secrets", args=[actor.organization.slug]))
    return redirect("secrets", actor.organization.slug)


def _checked(
    request: CofferRequest,
    actor: Actor,
    sent: ImportSubmission,
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> HttpResponse:
    started = monotonic()
    choices = sent.choices
    report = check_import(actor=actor, environment=sent.environment, text=sent.text, choices=choices)
    if settings := _settings(report) - sent.decided:
        choices = replace(choices, left_out=choices.left_out | settings)
        report = check_import(actor=actor, environment=sent.environment, text=sent.text, choices=choices)
    context = {
        "environment": sent.environment,
        "errors": errors or [],
        "plan": _plan(report, choices) | {"seconds": monotonic() - started},
    }
    return _page(request, context, status=status)


def _settings(report: ImportReport) -> frozenset[str]:
    """Return the names in the text whose values look like no credential and would become new secrets."""
    return frozenset(line.written for line in report.lines if line.is_setting and not line.secret and _is_new(line))


def _is_new(line: ImportLine) -> bool:
    return line.act is LineAction.CREATED or line.code == ValueTooShort.code


LIST_TITLES = {
    LineAction.CREATED: "New secrets",
    LineAction.REPLACED: "New values of secrets that exist",
    LineAction.SKIPPED: "Skipped",
}


def _plan(report: ImportReport, choices: ImportChoices) -> dict[str, Any]:
    """Return the template context of a report: counts, names and messages."""
    decisions = [_decision(line, choices) for line in report.lines if _needs_decision(line, choices)]
    lists = {act.value: report.of(act) for act in LineAction}
    too_short = any(line.code == ValueTooShort.code for line in report.lines)
    return {
        "counts": {name: len(lines) for name, lines in lists.items()},
        "decisions": decisions,
        "offer_allow_short": choices.allow_short or too_short,
        "allow_short": choices.allow_short,
        "offer_references": choices.fill_references or any(line.references for line in report.lines),
        "fill_references": choices.fill_references,
        "token": report.token,
        "ready": not lists["refused"] and bool(lists["created"] or lists["replaced"]),
        "total": len(lists["created"]) + len(lists["replaced"]),
        "lists": [
            (title, lists[act.value][:SHOWN_AT_MOST], max(0, len(lists[act.value]) - SHOWN_AT_MOST))
            for act, title in LIST_TITLES.items()
        ],
        "lines": len(report.lines),
    }


def _needs_decision(line: ImportLine, choices: ImportChoices) -> bool:
    changed = line.written in choices.left_out or choices.names.get(line.written, line.written) != line.written
    return line.act is LineAction.REFUSED or (bool(line.written) and (changed or line.is_setting))


def _decision(line: ImportLine, choices: ImportChoices) -> dict[str, Any]:
    return {
        "number": line.number,
        "written": line.written,
        "wanted": line.proposed or line.name,
        "refused": line.act is LineAction.REFUSED,
        "reason": line.reason,
        "left_out": line.written in choices.left_out,
    }


def _page(request: CofferRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "secrets_app/_import_plan.html" if request.htmx else "secrets_app/import.html"
    shown = {"environments": list(Environment), "most_entries": dotenv.MAX_ENTRIES, "errors": []} | context
    return render(request, template, shown, status=status)
