"""Pages of a rotation, below `/o/<slug>/secrets/<id>/rotate/`: stage, verify, promote, roll-back window.

The step of an environment is determined by what is stored and not by the address, so a rotation continues after a crash
or when a page is opened again. With htmx, each row of the verify page requests its own check, and the summary polls
until all have results; without scripts one form runs all checks.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.environments import Environment, SharedEnvironments
from accounts.errors import EditConflict, Invalid, NotFound
from accounts.people.organization_rules import rollback_hours
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.errors import ChecksFailed
from integrations.references.uses import uses_of
from integrations.rotation import rotation
from integrations.rotation.checks import live_references
from integrations.web.secrets.rotation_page import (
    Target,
    Verify,
    environments_of,
    page_of,
    seen_values,
    target_named,
    verify_of,
    window_of,
)
from secrets_app.errors import KeyUnavailable, NothingStaged, RollbackExpired, ValueTooShort
from secrets_app.inventory import inventory
from secrets_app.inventory.rows import NOTHING, InventoryRow, Rotating
from secrets_app.models import Secret
from secrets_app.naming.value_rules import warnings_for
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation as values
from secrets_app.rotation.together import stage_together, together


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@requires(Permission.SECRETS_WRITE, proof=Proof.PAGE)
def start(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """GET shows the form; POST stages the value in the chosen environment."""
    row = inventory.one(actor.organization, secret_id)
    everywhere: list[Rotating] = [(SharedEnvironments(tuple(Environment)), {}, NOTHING)] if row.shared else []
    chosen = target_named(request.POST.get("environment") or request.GET.get("environment", ""), everywhere)
    if request.method == "GET":
        return _stage_form(request, actor, row, secret_id, chosen)
    if chosen is None:
        return _stage_form(request, actor, row, secret_id, None, {"environment": "Choose an environment."})
    value = Plaintext(request.POST.get("value", "").replace("\r\n", "\n"))
    try:
        stage_together(
            environments_of(chosen),
            actor=actor,
            secret_id=secret_id,
            value=value,
            allow_short="allow_short" in request.POST,
        )
    except Invalid as refusal:
        wrong = {error.field: error.message for error in refusal.errors}
        return _stage_form(request, actor, row, secret_id, chosen, wrong, short=isinstance(refusal, ValueTooShort))
    for sentence in [warning.message for warning in warnings_for(value)]:
        messages.warning(request, f"{row.name}: {sentence}")
    return _to_step(actor, secret_id, chosen)


@require_GET
@requires(Permission.SECRETS_WRITE)
def step(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """Show the current step of the environment: verify, roll-back window, or stage."""
    row = inventory.one(actor.organization, secret_id)
    chosen = _target(environment, row.staged, row.windows)
    try:
        verify = verify_of(actor, secret_id, chosen)
    except NothingStaged:
        return _window_or_start(request, actor, row, chosen)
    if is_fragment(request):
        if not verify.is_final and request.GET.get("tried") == str(verify.tried):
            return HttpResponse(status=HTTPStatus.NO_CONTENT)  # unchanged, so that a screen reader announces nothing
        return render(request, "integrations/rotation/_summary.html", _context(actor, row, chosen, verify=verify))
    return render(request, "integrations/rotation/verify.html", _context(actor, row, chosen, verify=verify))


@require_GET
@requires(Permission.SECRETS_WRITE)
def window(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """Show the roll-back window, even if another value is staged."""
    row = inventory.one(actor.organization, secret_id)
    return _window_or_start(request, actor, row, _target(environment, row.windows))


@require_POST
@requires(Permission.SECRETS_WRITE)
def check(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """Check every reference again: with htmx each row by itself, otherwise all now."""
    chosen = _target(environment, inventory.one(actor.organization, secret_id).staged)
    try:
        if is_fragment(request):
            for where in environments_of(chosen):
                rotation.forget(actor, secret_id, where)
            return HttpResponse(headers={"HX-Refresh": "true"})
        for where in environments_of(chosen):
            async_to_sync(rotation.check)(actor, secret_id, where)
    except NothingStaged as refusal:
        messages.warning(request, refusal.detail)
    return _to_step(actor, secret_id, chosen)


@require_POST
@requires(Permission.SECRETS_WRITE)
def check_one(
    request: CofferRequest, actor: Actor, secret_id: UUID, environment: str, reference_id: UUID
) -> HttpResponse:
    """Check one reference; render its row for htmx."""
    row = inventory.one(actor.organization, secret_id)
    chosen = _environment(environment)
    try:
        _, checked = async_to_sync(rotation.check)(actor, secret_id, chosen, only=reference_id)
    except NothingStaged as refusal:
        messages.warning(request, refusal.detail)
        return HttpResponse(headers={"HX-Refresh": "true"}) if is_fragment(request) else _back(actor, secret_id)
    if not is_fragment(request):
        return _to_step(actor, secret_id, chosen)
    reference_check = next((check for check in checked if check.reference.id == reference_id), None)
    if reference_check is None:
        raise NotFound("No such reference.")
    context = _context(actor, row, chosen) | {"reference_check": reference_check, "settled": True}
    context["shows_environment"] = any(
        chosen in environments_of(where) and where != chosen for where, _, _ in row.staged
    )
    response = render(request, "integrations/rotation/_reference_check.html", context)
    response.headers["HX-Trigger"] = "referencechecked"
    return response


@require_http_methods(["GET", "POST"])
@requires(Permission.SECRETS_WRITE, proof=Proof.PAGE)
def promote(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """GET shows the question with all failed results; POST promotes the value."""
    row = inventory.one(actor.organization, secret_id)
    chosen = _target(environment, row.staged)
    try:
        if request.method == "GET":
            return _promote_dialog(request, actor, verify_of(actor, secret_id, chosen), row, chosen)
        return _promoted(request, actor, row, secret_id, chosen)
    except NothingStaged as refusal:
        messages.warning(request, refusal.detail)
        return _back(actor, secret_id)


@require_POST
@requires(Permission.SECRETS_WRITE)
def discard(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """Destroy the staged value."""
    return _change(request, actor, secret_id, environment, values.discard, "Discarded the new {} value")


@require_POST
@requires(Permission.SECRETS_WRITE, proof=Proof.ACT)
def roll_back(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """Make the previous value the current one again."""
    done = "Rolled back. Calls in {} use the previous value again"
    return _change(request, actor, secret_id, environment, values.roll_back, done)


@require_POST
@requires(Permission.SECRETS_WRITE)
def finish(request: CofferRequest, actor: Actor, secret_id: UUID, environment: str) -> HttpResponse:
    """Destroy the previous value before its window ends."""
    return _change(request, actor, secret_id, environment, values.destroy_previous, "Destroyed the previous {} value")


def _change(
    request: CofferRequest, actor: Actor, secret_id: UUID, environment: str, act: Callable[..., Secret], done: str
) -> HttpResponse:
    """Perform an act on the value that the person saw, and return to the start page with a message.

    Args:
        done: the message of success; `{}` is replaced by the label of the environment.
    """
    row, seen = inventory.one(actor.organization, secret_id), seen_values(request.POST)
    chosen = _target(environment, row.staged if act is values.discard else row.windows)
    try:
        together(act, environments_of(chosen), expected=seen, actor=actor, secret_id=secret_id)
        messages.success(request, done.format(chosen.label))
    except (NothingStaged, RollbackExpired, KeyUnavailable, EditConflict) as refusal:
        messages.warning(request, refusal.detail)
    return _back(actor, secret_id)


def _promoted(request: CofferRequest, actor: Actor, row: InventoryRow, secret_id: UUID, chosen: Target) -> HttpResponse:
    seen = page_of(request.POST)

    def act(environment: Environment, **arguments: Any) -> Secret:
        return rotation.promote(environment=environment, accepted=seen.accepted[environment], **arguments)

    try:
        together(
            act,
            environments_of(chosen),
            expected=seen.staged,
            actor=actor,
            secret_id=secret_id,
            accept_failures=seen.accepts,
        )
    except (ChecksFailed, EditConflict, Invalid, KeyUnavailable) as refusal:
        return _promote_dialog(request, actor, verify_of(actor, secret_id, chosen), row, chosen, refusal.detail)
    messages.success(request, f"Promoted. Calls in {chosen.label} use the new value")
    return see_other("secret-rotation-window", actor.organization.slug, secret_id, chosen.value)


def _promote_dialog(
    request: CofferRequest, actor: Actor, verify: Verify, row: InventoryRow, chosen: Target, refused: str = ""
) -> HttpResponse:
    context = _context(actor, row, chosen, verify=verify) | {"refused": refused}
    template = "_promote_dialog.html" if is_fragment(request) else "promote.html"
    return render(request, f"integrations/rotation/{template}", context, status=409 if refused else 200)


def _stage_form(
    request: CofferRequest,
    actor: Actor,
    row: InventoryRow,
    secret_id: UUID,
    chosen: Target | None,
    wrong: dict[str, str] | None = None,
    *,
    short: bool = False,
) -> HttpResponse:
    """Render the form. Its value field is always empty."""
    context = _context(actor, row, chosen) | {
        "states": row.environments,
        "uses": uses_of(live_references(actor, secret_id), row.allowed_domains),
        "wrong": wrong or {},
        "offer_allow_short": short,
    }
    return render(request, "integrations/rotation/stage.html", context, status=422 if wrong else 200)


def _window_or_start(request: CofferRequest, actor: Actor, row: InventoryRow, chosen: Target) -> HttpResponse:
    found = window_of(actor, row, chosen)
    if is_fragment(request):  # the summary of a value that somebody else has promoted or discarded
        return HttpResponse(headers={"HX-Refresh": "true"})
    if found is None:
        return see_other("secret-rotate", actor.organization.slug, row.id)
    return render(request, "integrations/rotation/window.html", _context(actor, row, chosen, window=found))


def _context(actor: Actor, row: InventoryRow, target: Target | None, **more: Any) -> dict[str, Any]:
    return {
        "secret": row,
        "environment": target,
        "shows_environment": isinstance(target, SharedEnvironments),
        "rollback_hours": rollback_hours(actor.organization),
        **more,
    }


def _target(text: str, *rotations: list[Rotating]) -> Target:
    """Return what the address names. `all` is the one value that was entered for several environments.

    Raises:
        NotFound: there is no such environment, or no such value any more.
    """
    chosen = target_named(text, [each for some in rotations for each in some])
    if chosen is None:
        raise NotFound("No such environment, or nothing to do there any more.")
    return chosen


def _environment(text: str) -> Environment:
    chosen = _target(text)
    if not isinstance(chosen, Environment):
        raise NotFound("No such environment.")
    return chosen


def _to_step(actor: Actor, secret_id: UUID, environment: Target) -> HttpResponse:
    return see_other("secret-rotation", actor.organization.slug, secret_id, environment.value)


def _back(actor: Actor, secret_id: UUID) -> HttpResponse:
    return see_other("secret-rotate", actor.organization.slug, secret_id)
