"""Pages of deliveries: what was sent, each try, and sending it again."""

import json
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.alerts import endpoints, shown
from integrations.alerts.audit_batches import content_type


@require_GET
@requires(Permission.ALERTS_READ)
def show(request: CofferRequest, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Show what was sent and each try; only the tries for htmx, which asks while the delivery waits."""
    delivery = endpoints.find_delivery(actor=actor, endpoint_id=endpoint_id, delivery_id=delivery_id)
    row, tries = shown.one_delivery(delivery)
    context = {
        "row": shown.row_of(delivery.endpoint),
        "one": row,
        "tries": [(one, shown.problem_in_words(str(one.status) if one.status else one.code)) for one in tries],
        "body": json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False) if delivery.body else "",
        "media_type": content_type(delivery.endpoint),
        "at_most": shown.tries_at_most(),
    }
    template = "_tries" if is_fragment(request) else "delivery"
    return render(request, f"integrations/alerts/{template}.html", context)


@require_POST
@requires(Permission.ALERTS_WRITE)
def again(request: CofferRequest, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Send an event again."""
    delivery = endpoints.send_again(actor=actor, endpoint_id=endpoint_id, delivery_id=delivery_id)
    messages.success(request, f"{delivery.type} is sent again")
    return see_other("delivery", actor.organization.slug, endpoint_id, delivery_id)
