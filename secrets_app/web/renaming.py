"""The preview of a rename, shown while the name is typed: its problems, and the references that it rewrites."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.policy import Permission
from secrets_app.inventory import inventory
from secrets_app.inventory.rows import InventoryRow
from secrets_app.naming.names import problem_with_name, propose_name
from secrets_app.validation.fields import Problems

WAITING_SHOWN = REFERENCES_SHOWN = 20


@require_POST
@requires(Permission.SECRETS_WRITE)
def impact(request: HttpRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Show whether the new name may be used, and references that saving it would rewrite."""
    row = inventory.one(actor.organization, secret_id)
    context = {
        "name_check": check(actor, request.POST.get("name", ""), row),
        "references": inventory.references_to(actor.organization, row, REFERENCES_SHOWN),
        "secret": row,
    }
    return render(request, "secrets_app/_rename_impact.html", context)


def check(actor: Actor, name: str, row: InventoryRow | None = None) -> dict[str, Any]:
    """Return the template context of the check of a name. `row` is the secret to rename, or None for a new secret."""
    if row and name == row.name:
        return {"name": name, "unchanged": True}
    problems = Problems()
    problems.check_name(name, actor.organization, other_than=row.id if row else None)
    waiting = inventory.waiting_references(actor.organization).filter(name=name).select_related("integration")
    return {
        "name": name,
        "old_reference": row.reference if row else "",
        "problem": problems.errors[0].message if problems.errors else "",
        "proposal": propose_name(name) if problem_with_name(name) else "",
        "waiting": list(waiting.order_by("integration__name", "slot")[:WAITING_SHOWN]),
    }
