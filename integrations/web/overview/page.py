"""The overview: figures of a period, what fails, what waits for a person, who is active; at first the first steps."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.attention import first_steps
from integrations.attention.waiting import BAD, Waiting, waiting_for
from integrations.figures.figures import callers, figures
from integrations.figures.periods import PERIODS, Period
from integrations.web.overview.charts import charts_of
from integrations.web.overview.lists import active_lines, failing_lines, integrations_of, slow_lines
from integrations.web.overview.tiles import tiles_of

USUAL = "24h"
RUNS = {"24h": "day", "7d": "week", "30d": "month"}
"""The period of the list of runs for each period of figures."""


@require_GET
@requires(Permission.RUNS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show the overview, or the first steps until an agent has called. htmx gets the page without its frame."""
    if not first_steps.are_over(actor.organization):
        return render(request, "integrations/overview/first_steps.html", _steps(actor))
    period, environment = _period(request), _environment(request)
    now = timezone.now()
    found = figures(actor.organization, period, environment, now)
    known = integrations_of(actor, found)
    waiting = waiting_for(actor)
    context = _chosen(period, environment) | {
        "tiles": tiles_of(found, {str(one): row.name for one, row in known.items()}),
        "charts": charts_of(found, environment),
        "failing": failing_lines(actor, environment, found),
        "slowest": slow_lines(found, known),
        "waiting": [(one, _url(actor, one)) for one in waiting],
        "waiting_number": sum(one.number for one in waiting),
        "is_bad": any(one.look == BAD for one in waiting),
        "active": active_lines(actor, callers(actor.organization, period, environment, now)),
        "has_calls": bool(found.all.calls),
    }
    template = "_overview" if is_fragment(request) else "overview"
    return render(request, f"integrations/overview/{template}.html", context)


@require_GET
@requires(Permission.RUNS_READ)
def tiles(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render the five figures at the top anew."""
    period, environment = _period(request), _environment(request)
    found = figures(actor.organization, period, environment, timezone.now())
    shown = tiles_of(found, {str(one): row.name for one, row in integrations_of(actor, found).items()})
    context = _chosen(period, environment) | {"tiles": shown}
    return render(request, "integrations/overview/_tiles.html", context)


@require_GET
@requires(Permission.RUNS_READ)
def steps(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Say whether the first steps are other than on the page that asks, which then loads itself again."""
    is_over = first_steps.are_over(actor.organization)
    if not is_over and request.GET.get("done") == str(_steps(actor)["done"]):
        return HttpResponse(status=204)
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


@require_POST
@requires(Permission.RUNS_READ)
def hide_steps(_request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show the overview instead of the first steps from now on."""
    first_steps.hide(actor=actor)
    return see_other("overview", actor.organization.slug)


def _steps(actor: Actor) -> dict[str, Any]:
    found = first_steps.steps(actor.organization)
    next_one = next((number for number, step in enumerate(found) if not step.done), len(found))
    return {
        "steps": [(step, _url(actor, step)) for step in found],
        "done": sum(bool(step.done) for step in found),
        "next": next_one,
    }


def _url(actor: Actor, to: Waiting | first_steps.FirstStep) -> str:
    query = f"?{to.query}" if to.query else ""
    return reverse(to.page, args=[actor.organization.slug, *to.of]) + query


def _chosen(period: Period, environment: Environment | None) -> dict[str, Any]:
    return {
        "period": period,
        "periods": list(PERIODS.values()),
        "environment": environment,
        "environments": list(Environment),
        "runs_period": RUNS[period.key],
    }


def _period(request: CofferRequest) -> Period:
    """Return the period that the address names; an unknown one is the usual."""
    return PERIODS.get(request.GET.get("period", ""), PERIODS[USUAL])


def _environment(request: CofferRequest) -> Environment | None:
    wanted = request.GET.get("environment", "")
    return next((environment for environment in Environment if environment.value == wanted), None)
