"""The details of a row in the inventory: where the secret is used, and how often."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.policy import Permission
from integrations.references.usage import calls_by_day
from secrets_app.inventory import inventory
from secrets_app.web.forms.secret import value_fields

REFERENCES_SHOWN = 20
"""How many references the details show; the page "Where used" shows all."""


@require_GET
@requires(Permission.SECRETS_READ)
def details(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Render the details below a row."""
    row = inventory.one(actor.organization, secret_id)
    calls = calls_by_day(actor.organization, secret_id)
    secret = {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "usage_count": row.usage_count,
        "last_used_at": row.last_used_at,
        "allowed_domains": row.allowed_domains,
        "is_identifier": row.is_identifier,
        "references": inventory.references_to(actor.organization, row, REFERENCES_SHOWN),
        "values": value_fields(row),
        "rotation_due_at": row.rotation_due_at,
        "rotation_overdue": row.rotation_overdue,
        "expires_on": row.expires_on,
        "expiry": row.expiry,
        "has_expired": row.has_expired,
        "calls_by_day": calls,
        "calls_total": sum(calls),
    }
    return render(request, "secrets_app/_details.html", {"secret": secret})
