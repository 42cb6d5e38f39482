"""The tab "Values" of a secret: which versions there were, who entered them, and when. No value is opened."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.people.organization_rules import rollback_hours
from accounts.policy import Permission
from integrations.web.secrets.rotation_page import chosen_environment
from secrets_app.inventory import inventory, versions
from secrets_app.inventory.rows import EnvironmentState
from secrets_app.models import SecretValue

VERSIONS_SHOWN = 5
"""How many versions of each environment the tab shows at first."""
VERSIONS_OF_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class _Versions:
    """The newest versions of a secret in one environment. `before` is where older ones begin, if there are any."""

    environment: Environment
    state: EnvironmentState
    items: list[SecretValue]
    before: int | None


@require_GET
@requires(Permission.SECRETS_READ)
def values(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Show the newest versions of every environment, or a page of those of one."""
    row, only = inventory.one(actor.organization, secret_id), chosen_environment(request.GET.get("environment", ""))
    before = request.GET.get("before", "")
    start = int(before) if before.isascii() and before.isdigit() and len(before) <= 9 else None  # noqa: PLR2004 - fits the column
    found = [
        _Versions(environment, row.environments[environment], *versions.page(secret_id, environment, start, limit))
        for environment, limit in ([(only, VERSIONS_OF_A_PAGE)] if only else [(e, VERSIONS_SHOWN) for e in Environment])
    ]
    context = {
        "secret": row,
        "tab": "values",
        "environments": found,
        "only": only,
        "rollback_hours": rollback_hours(actor.organization),
    }
    return render(request, "integrations/secrets/values.html", context)
