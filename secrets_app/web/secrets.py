"""Pages that create, edit, switch and delete secrets. A view reads the request, calls a service and renders a page."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import record_refused_attempt, requires
from accounts.access.step_up import Proof, missing_proof, proof_beside
from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.errors import EditConflict, FieldError, Invalid, NotFound, ProofNeeded, Refusal
from accounts.policy import Permission
from accounts.web.field_labels import errors_as_json
from secrets_app.editing import checking, deleting, secrets
from secrets_app.errors import SecretInUse, ValueTooShort
from secrets_app.inventory import inventory
from secrets_app.inventory.changes import SavedChange, changes_since
from secrets_app.inventory.rows import InventoryRow
from secrets_app.known_services.hosts import hosts_by_prefix
from secrets_app.models import Secret, SecretRequest
from secrets_app.naming.value_rules import warnings_for
from secrets_app.requests import listing
from secrets_app.web import conflicts
from secrets_app.web.forms import secret as forms
from secrets_app.web.renaming import check

PROPOSED_DOMAINS = 10
"""The maximum number of allowed domains that a URL may propose."""
REFERENCES_SHOWN = 20
"""How many references dialogs and forms name; the page "Where used" shows them all."""


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@requires(Permission.SECRETS_WRITE)
def new(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form for a new secret; POST stores it.

    If integrations wait for the proposed name, saving sends the value somewhere new: the proof is asked for before
    anything is typed, because value fields never come back.
    """
    if request.method == "GET":
        values = _proposed(request, asked := _asked_for(request, actor))
        awaited = inventory.waiting_references(actor.organization).filter(name=values["name"]).exists()
        missing = missing_proof(request, Proof.PAGE) if awaited else None
        return missing or _form(request, actor, None, values, asked=asked)
    sent, asked = forms.read(request.POST), _asked_for(request, actor)
    try:
        secret = secrets.create_secret(
            actor=actor,
            for_request=asked.id if asked else None,
            name=sent.name,
            values=sent.values,
            description=sent.description,
            allowed_domains=sent.domains,
            enabled=sent.enabled,
            is_identifier=sent.is_identifier,
            rotate_every_days=sent.rotation_days,
            expires_on=sent.last_day,
            expires_with_values=sent.expires_with_values,
            entered_once=sent.mode == forms.SHARED and bool(sent.values),
            allow_short=sent.allow_short,
        )
    except (Invalid, ProofNeeded) as refusal:
        return _form(request, actor, None, sent.fields_to_show(), refusal, asked=asked)
    return _saved(request, actor, secret, sent, f"Saved {secret.name}")


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@requires(Permission.SECRETS_WRITE, proof=Proof.PAGE)
def edit(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """GET shows the form of a secret; POST saves the changes. Empty value fields keep the current values."""
    if request.method == "GET":
        row = inventory.one(actor.organization, secret_id)
        return _form(request, actor, row, forms.fields_of(row))
    sent = forms.read(request.POST)
    changes = forms.changes_of(sent, request.POST)
    try:
        secret = secrets.update_secret(actor=actor, secret_id=secret_id, changes=changes, expected_version=sent.version)
    except EditConflict:
        return _conflict(request, actor, secret_id, sent)
    except (Invalid, ProofNeeded) as refusal:
        row = inventory.one(actor.organization, secret_id)
        values = sent.fields_to_show() | ({} if "name" in request.POST else {"name": row.name})
        return _form(request, actor, row, values, refusal)
    return _saved(request, actor, secret, sent, f"Saved {secret.name}")


@require_POST
@requires(Permission.SECRETS_WRITE)
def check_name(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show whether a name may be used, a proposal if it is not valid, and the references that wait for it."""
    return render(request, "secrets_app/_name_check.html", {"name_check": check(actor, request.POST.get("name", ""))})


@require_POST
@requires(Permission.SECRETS_WRITE)
def check_form(request: CofferRequest, actor: Actor, secret_id: UUID | None = None) -> HttpResponse:
    """Check a form without its values, before these are sent: 204, or 422 with the errors as JSON."""
    sent = forms.read(request.POST)
    try:
        checking.check_secret(
            actor=actor,
            secret_id=secret_id,
            changes=forms.changes_of(sent, request.POST),
            typed=forms.typed_environments(request.POST),
            expected_version=sent.version,
        )
    except Invalid as refusal:
        errors = forms.form_errors(refusal.errors, sent.mode)
        return JsonResponse({"title": "The secret was not saved", "errors": errors_as_json(errors)}, status=422)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@require_http_methods(["GET", "POST"])
@requires(Permission.SECRETS_WRITE)
def delete(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """GET shows the dialog, with the references or a field for the name; POST deletes if the name matches."""
    row = with_references(actor, inventory.one(actor.organization, secret_id))
    if request.method == "GET":
        return _delete_dialog(request, row)
    if request.POST.get("confirm") != row.name and not row.references:
        return _delete_dialog(request, row, [FieldError("confirm", f"Type {row.name} to delete it.")])
    try:
        deleting.delete_secret(actor=actor, secret_id=secret_id)
    except SecretInUse as refusal:
        record_refused_attempt(request, refusal)
        return _delete_dialog(request, with_references(actor, inventory.one(actor.organization, secret_id)), status=409)
    messages.success(request, f"Deleted {row.name}")
    return redirect("secrets", actor.organization.slug)


def with_references(actor: Actor, row: InventoryRow) -> InventoryRow:
    """Return the row with its first references, whose integrations are loaded."""
    return replace(row, references=inventory.references_to(actor.organization, row, REFERENCES_SHOWN))


def _asked_for(request: CofferRequest, actor: Actor) -> SecretRequest | None:
    """Return the request that the URL or the submitted form names, or None.

    Raises:
        NotFound: the actor may not see the request, or it does not exist.
    """
    text = request.GET.get("request", "") or request.POST.get("request", "")
    if not text:
        return None
    try:
        return listing.fetch(actor, UUID(text))
    except ValueError:
        raise NotFound("No such request.") from None


def _proposed(request: CofferRequest, asked: SecretRequest | None) -> dict[str, Any]:
    """Return the fields of an empty form, with the proposals of the URL or of a request."""
    name, domains = request.GET.get("name", ""), request.GET.getlist("domains")[:PROPOSED_DOMAINS]
    if asked is None:
        return forms.blank_fields(name, domains)
    mode = forms.SHARED if asked.environments == ALL_ENVIRONMENTS else forms.PER_ENVIRONMENT
    return forms.blank_fields(asked.name, domains, asked.why) | {"mode": mode}


def _form(
    request: CofferRequest,
    actor: Actor,
    row: InventoryRow | None,
    values: dict[str, Any],
    refusal: Invalid | ProofNeeded | None = None,
    changes: Sequence[SavedChange] = (),
    asked: SecretRequest | None = None,
) -> HttpResponse:
    typed_before = values["name"] and (not row or row.name != values["name"])
    context = {
        "asked": asked,
        "value_prefixes": hosts_by_prefix(),
        "asks_about_domains": row is None and _may_answer_about_domains(actor),
        "changes": changes,
        "conflicting": conflicts.conflicting_fields(values, row) if row and changes else [],
        "was": conflicts.stored_fields(row) if row else None,
        "secret": with_references(actor, row) if row else None,
        "values": values,
        **_refused(request, refusal, values["mode"]),
        "value_fields": forms.value_fields(row),
        "name_check": check(actor, values["name"], row) if typed_before else None,
        "offer_allow_short": _too_short(refusal),
    }
    return render(request, "secrets_app/form.html", context, status=refusal.status if refusal else 200)


def _may_answer_about_domains(actor: Actor) -> bool:
    return actor.may(Permission.ORGANIZATION_MANAGE) and not actor.organization.asked_about_domains


def _refused(request: CofferRequest, refusal: Invalid | ProofNeeded | None, mode: str) -> dict[str, Any]:
    """Return what the form says about a refusal."""
    if isinstance(refusal, ProofNeeded):
        record_refused_attempt(request, refusal)
        return {"errors": [FieldError("", refusal.detail)], "proof_url": proof_beside(request)}
    return {"errors": forms.form_errors(refusal.errors, mode) if refusal else []}


def _too_short(refusal: Refusal | None) -> bool:
    return refusal is not None and any(error.code == ValueTooShort.code for error in refusal.errors)


def _conflict(request: CofferRequest, actor: Actor, secret_id: UUID, sent: forms.SecretSubmission) -> HttpResponse:
    """Show the form with the work of both people, and what the other person changed."""
    row = inventory.one(actor.organization, secret_id)
    sentence = "Somebody else changed this secret since you opened it. What you typed is below; "
    sentence += "enter the values again and save to apply it." if sent.values else "save again to apply it."
    values = conflicts.merge(request.POST, sent.fields_to_show(), row)
    changes = changes_since(actor.organization, secret_id, sent.version or 0)
    return _form(request, actor, row, values, Invalid(sentence, errors=[FieldError("", sentence)]), changes)


def _saved(
    request: CofferRequest, actor: Actor, secret: Secret, sent: forms.SecretSubmission, done: str
) -> HttpResponse:
    messages.success(request, done)
    for sentence in dict.fromkeys(each.message for value in sent.values.values() for each in warnings_for(value)):
        messages.warning(request, f"{secret.name}: {sentence}")
    return redirect("secrets", actor.organization.slug)


def _delete_dialog(
    request: CofferRequest, row: InventoryRow, errors: list[FieldError] | None = None, status: int = 200
) -> HttpResponse:
    fragment = "secrets_app/_delete_blocked.html" if row.references else "secrets_app/_delete_dialog.html"
    template = fragment if request.htmx else "secrets_app/delete.html"
    context = {"secret": row, "errors": errors or []}
    return render(request, template, context, status=422 if errors else status)
