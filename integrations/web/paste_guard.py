"""The paste guard in the forms: notes while somebody types, and *Save as a secret and insert its name*.

The integration is not saved. The form is shown again with the name of the secret in place of the credential.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid, NotFound
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.paste_guard import guard
from integrations.web import editor, parents, paste_notes
from integrations.web.forms import form_of
from integrations.web.forms.base import Values
from integrations.web.paste_notes import PastedNote

GONE = "This text has changed. Review what is marked now."
"""Shown if the text to save as a secret is no longer in the form."""


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def in_new(request: CofferRequest, actor: Actor, kind: str) -> HttpResponse:
    """Handle the form of a new integration.

    Raises:
        NotFound: there is no such kind.
    """
    if kind not in KINDS:
        raise NotFound("No such kind of integration.")
    if request.method != "POST":  # somebody returned to the address of a submitted form
        return see_other("integration-new", actor.organization.slug, kind)
    return _respond(request, actor, kind, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def in_stored(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Handle the form of a stored integration."""
    integration = Integration.objects.fetch(actor, integration_id)
    integration.organization = actor.organization
    if request.method != "POST":
        return see_other("integration-edit", actor.organization.slug, integration_id)
    return _respond(request, actor, integration.kind, integration)


def _respond(request: CofferRequest, actor: Actor, kind: str, integration: Integration | None) -> HttpResponse:
    values = parents.read(actor, form_of(kind), request.POST).values
    if is_fragment(request):
        notes = paste_notes.of_form(form_of(kind), values, integration, sent=request.POST)
        context = {"pasted": notes, "pasted_url": paste_notes.url(actor, kind, integration), "errors": []}
        return render(request, "integrations/_pasted_notes.html", context)
    try:
        after = _save_as_secret(request, actor, kind, values, integration)
    except Invalid as refusal:
        key = request.POST.get("save_as_secret", "")
        notes = paste_notes.of_form(form_of(kind), values, integration, sent=request.POST)
        errors = [FieldError(_name_control(notes, key), error.message) for error in refusal.errors]
        return editor.page(
            request, actor, kind, integration=integration, values=values, notes=notes, errors=errors, status=422
        )
    return editor.page(request, actor, kind, integration=integration, values=after, unsaved=True)


def _save_as_secret(
    request: CofferRequest, actor: Actor, kind: str, values: Values, integration: Integration | None
) -> Values:
    """Save a credential as a secret; return the fields with the placeholder of the secret.

    Raises:
        Invalid: the text is no longer there, or the secret cannot be stored.
    """
    form = form_of(kind)
    notes = paste_notes.of_form(form, values, integration, sent=request.POST)
    chosen = next((note for note in notes if note.found.key == request.POST.get("save_as_secret")), None)
    if chosen is None:
        raise Invalid(GONE, errors=[FieldError("", GONE)])
    before = form.config(values, integration.config if integration else {})
    after = guard.save_as_secret(
        actor=actor,
        kind=kind,
        found=chosen.found,
        config=before,
        name=chosen.secret_name,
        environments=values["environments"],
    )
    messages.success(request, f"Saved {chosen.secret_name} as a secret. The integration is not saved yet.")
    shown = form.config_values(before)
    return values | {name: value for name, value in form.config_values(after).items() if value != shown[name]}


def _name_control(notes: list[PastedNote], key: str) -> str:
    """Return the field with the name of the secret; empty, for the whole form, if its note is gone."""
    return next((note.name_field for note in notes if note.found.key == key), "")
