"""Creating and changing integrations."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import record_refused_attempt, requires
from accounts.access.step_up import proof_beside
from accounts.actors import Actor
from accounts.errors import EditConflict, FieldError, Invalid, NotFound, ProofNeeded, Refusal
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.editing import integrations
from integrations.errors import RawCredential
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.web import editor, parents, starting
from integrations.web.forms import form_of
from integrations.web.forms.base import IntegrationForm, SubmittedIntegration, Values, keep_line_ends
from integrations.web.switching import say_switched

CONFLICT = (
    "Somebody else changed this integration since you opened it. What you typed is below, and nothing is saved yet: "
    "compare it with the saved version, then save again to replace that version with yours."
)
NOT_ACCEPTED = "A text looks like a credential. Save it as a secret, or confirm that it stays as plain text."


class NotSaved(Refusal):
    """A test would have saved the form beside it, which cannot be saved. Nothing was sent."""

    code, status, title = "not_saved", 422, "Not sent"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def new(request: CofferRequest, actor: Actor, kind: str) -> HttpResponse:
    """GET shows the form for a new integration; POST creates it.

    Raises:
        NotFound: there is no such kind.
    """
    if kind not in KINDS:
        raise NotFound("No such kind of integration.")
    service = starting.chosen(request, kind)
    about = starting.context(actor, kind, service)
    if request.method != "POST":
        return editor.page(request, actor, kind, values=starting.values(request, actor, kind), **about)
    form = form_of(kind)
    sent = parents.read(actor, form, request.POST)
    try:
        integration = _create(actor, kind, form, sent)
    except (Invalid, ProofNeeded) as refusal:
        about |= _refused(request, refusal, form, sent)
        return editor.page(request, actor, kind, values=sent.values, status=refusal.status, **about)
    return _saved(request, actor, integration)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def edit(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """GET shows the form of a stored integration; POST saves it."""
    integration = Integration.objects.fetch(actor, integration_id)
    integration.organization = actor.organization
    if request.method != "POST":
        useful = starting.operations(integration)
        return editor.page(request, actor, integration.kind, integration=integration, useful=useful)
    form = form_of(integration.kind)
    sent = parents.read(actor, form, request.POST)
    try:
        saved = _update(actor, integration, form, sent)
    except EditConflict:
        return _conflict(request, actor, integration_id, sent)
    except (Invalid, ProofNeeded) as refusal:
        return _form(request, actor, integration, sent.values, refusal.status, **_refused(request, refusal, form, sent))
    return _saved(request, actor, saved, was_enabled=integration.enabled)


@require_POST
@requires(Permission.INTEGRATIONS_READ)
def domain_check(request: CofferRequest, actor: Actor, kind: str) -> HttpResponse:
    """Render which secrets of an unsaved form may be sent to its host. Nothing is stored or decrypted.

    Raises:
        NotFound: there is no such kind.
    """
    if kind not in KINDS:
        raise NotFound("No such kind of integration.")
    values = parents.read(actor, form_of(kind), request.POST).values
    stored = editor.visible(actor, [kind], request.POST.get("integration", ""))
    context = {"domain_checks": editor.domain_checks(actor, kind, values, stored)}
    return render(request, "integrations/_domain_check.html", context)


def _create(actor: Actor, kind: str, form: IntegrationForm, sent: SubmittedIntegration) -> Integration:
    _refuse(sent.problems)
    return integrations.create_integration(
        actor=actor,
        kind=kind,
        name=sent.values["name"],
        config=form.config(sent.values, {}),
        description=sent.values["description"],
        enabled=sent.values["enabled"],
        environments=sent.values["environments"],
        accept_raw_credentials=sent.values["accept_raw_credentials"],
    )


def save_first(request: CofferRequest, actor: Actor, integration: Integration) -> Integration | None:
    """Save the form that a test or check sends along because it was changed; None if there is none.

    Raises:
        NotSaved: it could not be saved, with the reasons.
    """
    if "save_first" not in request.POST:
        return None
    form = form_of(integration.kind)
    sent = parents.read(actor, form, request.POST)
    try:
        return _update(actor, integration, form, sent)
    except Refusal as refusal:
        messages_of = [error.message for error in refusal.errors] or [refusal.detail]
        raise NotSaved(f"What you see could not be saved. {' '.join(messages_of)}") from refusal


def tell_saved(response: HttpResponse, saved: Integration | None) -> HttpResponse:
    """Tell the script of the page that its form was saved."""
    if saved:
        response.headers["HX-Trigger"] = "form-saved"
    return response


def _update(actor: Actor, integration: Integration, form: IntegrationForm, sent: SubmittedIntegration) -> Integration:
    _refuse(sent.problems)
    changes = integrations.IntegrationChanges(
        name=sent.values["name"],
        description=keep_line_ends(sent.values["description"], integration.description),
        enabled=sent.values["enabled"],
        environments=sent.values["environments"],
        config=form.config(sent.values, integration.config),
        accept_raw_credentials=sent.values["accept_raw_credentials"],
    )
    return integrations.update_integration(
        actor=actor, integration_id=integration.id, changes=changes, expected_version=sent.values["version"]
    )


def _refused(
    request: CofferRequest, refusal: Refusal, form: IntegrationForm, sent: SubmittedIntegration
) -> dict[str, Any]:
    """Return what the form says about a refusal.

    Errors stand at their fields; for raw credentials one error at the checkbox, because each has its own note.
    """
    if isinstance(refusal, ProofNeeded):
        record_refused_attempt(request, refusal)
        return {"errors": [FieldError("", refusal.detail)], "proof_url": proof_beside(request)}
    if isinstance(refusal, RawCredential):
        return {"errors": [FieldError("accept_raw_credentials", NOT_ACCEPTED)]}
    return {"errors": form.errors(refusal.errors, sent.values)}


def _refuse(problems: list[FieldError]) -> None:
    if problems:
        raise Invalid("The form cannot be used.", errors=problems)


def _conflict(request: CofferRequest, actor: Actor, integration_id: UUID, sent: SubmittedIntegration) -> HttpResponse:
    """Show what was typed with the stored version, so that saving again replaces that version."""
    integration = Integration.objects.fetch(actor, integration_id)
    values, errors = sent.values | {"version": integration.version}, [FieldError("", CONFLICT)]
    return _form(request, actor, integration, values, Invalid.status, errors=errors, conflict=True)


def _form(
    request: CofferRequest,
    actor: Actor,
    integration: Integration,
    values: Values,
    status: int,
    **more: Any,
) -> HttpResponse:
    """Show the form with everything that was typed."""
    return editor.page(request, actor, integration.kind, integration=integration, values=values, status=status, **more)


def _saved(
    request: CofferRequest, actor: Actor, integration: Integration, *, was_enabled: bool = False
) -> HttpResponse:
    """Redirect to the form of the saved integration, which shows its warnings and can test it."""
    if was_enabled and not integration.enabled:
        say_switched(request, f"Saved and disabled {integration.name}", integration)
    else:
        messages.success(request, f"Saved {integration.name}")
    return see_other("integration-edit", actor.organization.slug, integration.id)
