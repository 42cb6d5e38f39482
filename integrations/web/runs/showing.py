"""One run: its steps, the way out, and running a check again."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import Invalid, Refusal
from accounts.models import ApiKey
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.approvals.outlines import approval_of_run
from integrations.broker import broker
from integrations.broker.checking import declared_check
from integrations.broker.preparation import Call
from integrations.kinds.base import CHECK
from integrations.models import Integration, Run
from integrations.runs.reading import FAILURES, find_run
from integrations.runs.steps import shown_steps
from integrations.web.runs.fixing import fix_of
from integrations.web.runs.rows import RunRow
from secrets_app.models import Secret

NOT_A_CHECK = "Only a check can be run again. Send the call again from where it came."


@require_GET
@requires(Permission.RUNS_READ)
def show(request: CofferRequest, actor: Actor, run_id: UUID) -> HttpResponse:
    """Show one run; only its content for htmx."""
    template = "_run" if is_fragment(request) else "show"
    return render(request, f"integrations/runs/{template}.html", _about(actor, find_run(actor, run_id)))


@require_GET
@requires(Permission.RUNS_READ)
def trace(request: CofferRequest, actor: Actor, run_id: UUID) -> HttpResponse:
    """Render the run once it has ended; until then the page that asks every second is left as it is."""
    run = find_run(actor, run_id)
    if RunRow(run).is_under_way:
        return HttpResponse(status=204)
    if not is_fragment(request):
        return see_other("run", actor.organization.slug, run.pk)
    return render(request, "integrations/runs/_run.html", _about(actor, run))


@require_POST
@requires(Permission.INTEGRATIONS_RUN)
def again(_request: CofferRequest, actor: Actor, run_id: UUID) -> HttpResponse:
    """Run a check again with the values of today, and show the new run.

    Raises:
        Invalid: the run was no check.
        NotFound: there is no such run, or its integration is gone.
    """
    run = find_run(actor, run_id)
    if run.operation != CHECK:
        raise Invalid(NOT_A_CHECK)
    call = Call(run.integration_id, Environment(run.environment), check=True)
    try:
        made = str(async_to_sync(broker.run)(actor, call).run_id)
    except Refusal as refusal:
        made = str(refusal.members.get("run_id", ""))
        if not made:
            raise
    return see_other("run", actor.organization.slug, made)


def _about(actor: Actor, run: Run) -> dict[str, Any]:
    row, integration = RunRow(run), _integration(actor, run)
    did_not_work = run.outcome in {outcome.value for outcome in FAILURES}
    is_check = run.operation == CHECK and actor.may(Permission.INTEGRATIONS_RUN)
    return {
        "row": row,
        "run": run,
        "steps": shown_steps(run),
        "fix": fix_of(actor, run, integration) if did_not_work else None,
        "integration": integration,
        "approval": approval_of_run(run) if row.is_held else None,
        "can_check_again": is_check and integration is not None and declared_check(integration) is not None,
        "existing": set(
            Secret.objects.of(actor.organization)
            .filter(pk__in=[used.secret_id for used in row.secrets])
            .values_list("pk", flat=True)
        ),
        "key": ApiKey.objects.filter(organization=actor.organization, pk=row.key_id).only("name", "prefix").first()
        if row.key_id
        else None,
    }


def _integration(actor: Actor, run: Run) -> Integration | None:
    return Integration.objects.visible_to(actor).with_links().filter(pk=run.integration_id).first()
