"""The readiness matrix: which integration would run in which environment, and what to do where it would not."""

from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.texts import UNSTORABLE
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.errors import (
    DomainNotAllowed,
    EgressDenied,
    EnvironmentNotEnabled,
    IntegrationDisabled,
    InvalidUrl,
    SecretDisabled,
    SecretMissing,
)
from integrations.kinds import KINDS
from integrations.readiness import matrix
from integrations.readiness.matrix import ReadinessFilters, ReadinessRow
from integrations.readiness.warnings import Warning  # noqa: A004 - the API's word
from secrets_app.errors import KeyUnavailable

OF_SECRETS = {
    SecretMissing.code: ("Enter a value", ""),
    SecretDisabled.code: ("Enable it", "#f-enabled"),
    KeyUnavailable.code: ("Enter a new value", ""),
    DomainNotAllowed.code: ("Change its domains", "#f-domains"),
}
"""What to do about a secret, and the field where it is done."""
OF_INTEGRATIONS = {
    IntegrationDisabled.code: ("Enable it", "#f-enabled"),
    EnvironmentNotEnabled.code: ("Choose environments", "#f-environments"),
    EgressDenied.code: ("Change the address", ""),
    InvalidUrl.code: ("Change the address", ""),
}
WORDS = {
    SecretMissing.code: "Secret missing",
    SecretDisabled.code: "Secret disabled",
    KeyUnavailable.code: "Value unreadable",
    DomainNotAllowed.code: "Domain not allowed",
    IntegrationDisabled.code: "Disabled",
    EnvironmentNotEnabled.code: "Not in this environment",
    EgressDenied.code: "Address not allowed",
    InvalidUrl.code: "Address not allowed",
}


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """One page of the matrix; the fragment alone when htmx asks. Nothing is opened or called."""
    filters = _filters(request)
    page = matrix.matrix(actor, filters, cursor=request.GET.get("cursor", ""))
    chosen = {
        "q": filters.text,
        "kind": filters.kind,
        "environment": filters.environment.value if filters.environment else "",
        "show": "blocked" if filters.blocked else "",
    }
    context = {
        "groups": _groups(actor, page.items),
        "columns": [filters.environment] if filters.environment else list(Environment),
        "filters": chosen,
        "filtered": any(chosen.values()),
        "environments": list(Environment),
        "kinds": list(KINDS.values()),
        "next_url": _next_url(request, chosen, page.next_cursor),
    }
    return render(request, "integrations/_matrix.html" if is_fragment(request) else "integrations/matrix.html", context)


def _filters(request: CofferRequest) -> ReadinessFilters:
    """What was asked for; what is not known narrows nothing."""
    kind, environment = request.GET.get("kind", ""), request.GET.get("environment", "")
    return ReadinessFilters(
        text=UNSTORABLE.sub("", request.GET.get("q", "")).strip(),
        kind=kind if kind in KINDS else "",
        environment=next((one for one in Environment if one.value == environment), None),
        blocked=request.GET.get("show") == "blocked",
    )


def _groups(actor: Actor, lines: list[ReadinessRow]) -> list[dict[str, Any]]:
    """The lines under the headings of their kinds; they come ordered by kind."""
    return [
        {"kind": KINDS[key], "lines": [_shown(actor, line) for line in found]}
        for key, found in groupby(lines, key=lambda line: line.integration.kind)
    ]


def _shown(actor: Actor, line: ReadinessRow) -> dict[str, Any]:
    cells = [
        {
            "environment": cell.environment,
            "is_used": cell.problems is not None,
            "problems": [_problem(actor, line, problem) for problem in cell.problems or ()],
        }
        for cell in line.cells
    ]
    return {"integration": line.integration, "cells": cells, "is_nowhere": not line.integration.environments}


def _problem(actor: Actor, line: ReadinessRow, problem: Warning) -> dict[str, str]:
    fix, href = _fix(actor, line, problem)
    return {"word": WORDS[problem.code], "detail": problem.detail, "fix": fix, "href": href}


def _fix(actor: Actor, line: ReadinessRow, problem: Warning) -> tuple[str, str]:
    """What to do, and where."""
    slug = actor.organization.slug
    if problem.secret is None:
        words, field = OF_INTEGRATIONS[problem.code]
        return words, _edit(slug, problem.integration or line.integration.pk) + field
    secret_id = line.secret_ids.get(problem.secret)
    if secret_id is None:
        return "Create it", f"{reverse('secret-new', args=[slug])}?name={quote(problem.secret)}"
    words, field = OF_SECRETS[problem.code]
    return words, reverse("secret-edit", args=[slug, secret_id]) + field


def _edit(slug: str, integration_id: Any) -> str:
    return reverse("integration-edit", args=[slug, integration_id])


def _next_url(request: CofferRequest, chosen: dict[str, str], cursor: str | None) -> str:
    kept = {name: value for name, value in chosen.items() if value}
    return f"{request.path}?{urlencode(kept | {'cursor': cursor})}" if cursor else ""
