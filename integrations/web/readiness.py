"""The readiness matrix: which integration would run in which environment, and how to fix those that would not."""

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
from accounts.errors import Invalid
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

SECRET_FIXES = {
    SecretMissing.code: ("Enter a value", ""),
    SecretDisabled.code: ("Enable it", "#f-enabled"),
    KeyUnavailable.code: ("Enter a new value", ""),
    DomainNotAllowed.code: ("Change its domains", "#f-domains"),
}
"""What to do about a secret, and the field where to do it, by error code."""
INTEGRATION_FIXES = {
    IntegrationDisabled.code: ("Enable it", "#f-enabled"),
    EnvironmentNotEnabled.code: ("Choose environments", "#f-environments"),
    EgressDenied.code: ("Change the address", ""),
    InvalidUrl.code: ("Change the address", ""),
    Invalid.code: ("Replace it", ""),
}
WORDS = {
    SecretMissing.code: "Secret missing",
    SecretDisabled.code: "Secret disabled",
    KeyUnavailable.code: "Value unreadable",
    DomainNotAllowed.code: "Domain not allowed",
    Invalid.code: "Configuration unusable",
    IntegrationDisabled.code: "Disabled",
    EnvironmentNotEnabled.code: "Not in this environment",
    EgressDenied.code: "Address not allowed",
    InvalidUrl.code: "Address not allowed",
}


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of the matrix; only the matrix for htmx. Nothing is decrypted or called."""
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
    """Read the filters; unknown values do not filter."""
    kind, environment = request.GET.get("kind", ""), request.GET.get("environment", "")
    return ReadinessFilters(
        text=UNSTORABLE.sub("", request.GET.get("q", "")).strip(),
        kind=kind if kind in KINDS else "",
        environment=next((known for known in Environment if known.value == environment), None),
        blocked=request.GET.get("show") == "blocked",
    )


def _groups(actor: Actor, rows: list[ReadinessRow]) -> list[dict[str, Any]]:
    """Group rows, which are ordered by kind, under the headings of their kinds."""
    return [
        {"kind": KINDS[key], "lines": [_shown(actor, row) for row in found]}
        for key, found in groupby(rows, key=lambda row: row.integration.kind)
    ]


def _shown(actor: Actor, row: ReadinessRow) -> dict[str, Any]:
    cells = [
        {
            "environment": cell.environment,
            "is_used": cell.problems is not None,
            "problems": [_problem(actor, row, problem) for problem in cell.problems or ()],
            "fares": cell.fares,
        }
        for cell in row.cells
    ]
    return {"integration": row.integration, "cells": cells, "is_nowhere": not row.integration.environments}


def _problem(actor: Actor, row: ReadinessRow, problem: Warning) -> dict[str, str]:
    fix, href = _fix(actor, row, problem)
    return {"word": WORDS[problem.code], "detail": problem.detail, "fix": fix, "href": href}


def _fix(actor: Actor, row: ReadinessRow, problem: Warning) -> tuple[str, str]:
    """Return what to do, and the address where to do it."""
    slug = actor.organization.slug
    if problem.secret is None:
        words, field = INTEGRATION_FIXES[problem.code]
        return words, _edit(slug, problem.integration or row.integration.pk) + field
    secret_id = row.secret_ids.get(problem.secret)
    if secret_id is None:
        return "Create it", f"{reverse('secret-new', args=[slug])}?name={quote(problem.secret)}"
    words, field = SECRET_FIXES[problem.code]
    return words, reverse("secret-edit", args=[slug, secret_id]) + field


def _edit(slug: str, integration_id: Any) -> str:
    return reverse("integration-edit", args=[slug, integration_id])


def _next_url(request: CofferRequest, chosen: dict[str, str], cursor: str | None) -> str:
    kept = {name: value for name, value in chosen.items() if value}
    return f"{request.path}?{urlencode(kept | {'cursor': cursor})}" if cursor else ""
