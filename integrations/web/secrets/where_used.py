"""The page "Where used" with its graph and table, and the hosts that the form of a secret proposes."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.policy import Permission
from integrations.references.usage import COUNTED_AT_MOST, calls_by_place
from integrations.references.uses import LOOKED_AT_MOST, hosts_of, references_by_name, uses_of
from integrations.web.secrets.drawing import drawings
from secrets_app.inventory import inventory
from secrets_app.known_services.hosts import services_named_in
from secrets_app.naming.domains import BadDomain, clean_domain

PROPOSED_AT_MOST = 12


@require_GET
@requires(Permission.SECRETS_READ)
def where_used(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Show where a secret is used."""
    row = inventory.one(actor.organization, secret_id)
    found = uses_of(references_by_name(actor.organization, row.name, row.allowed_domains), row.allowed_domains)
    uses = found[:LOOKED_AT_MOST]
    context = {
        "secret": row,
        "tab": "where-used",
        "uses": uses,
        "blocked": [use for use in uses if use.blocked],
        "more": row.usage_count > LOOKED_AT_MOST or len(found) > len(uses),
        "drawings": drawings(row.name, uses),
        "places": calls_by_place(actor.organization, secret_id),
        "counted_at_most": COUNTED_AT_MOST,
    }
    return render(request, "integrations/secrets/where_used.html", context)


@require_GET
@requires(Permission.SECRETS_WRITE)
def hosts(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render hosts as proposals for the allowed domains of a secret: those of the integrations that name it, and those
    of well-known services that its name suggests.
    """
    name = UNSTORABLE.sub("", request.GET.get("name", ""))
    found = [host for host in hosts_of(actor.organization, name) if _may_be_a_domain(host)] if name else []
    services = [service for service in services_named_in(name) if not set(service.hosts) <= set(found)]
    context = {"hosts": found[:PROPOSED_AT_MOST], "name": name, "services": services[:PROPOSED_AT_MOST]}
    return render(request, "integrations/_host_chips.html", context)


def _may_be_a_domain(host: str) -> bool:
    """Return whether a host can be an allowed domain; IP addresses cannot."""
    try:
        return clean_domain(host, operator_hosts=bool(settings.EGRESS_ALLOW)) == host
    except BadDomain:
        return False
