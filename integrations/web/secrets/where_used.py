"""The page "Where used" with its graph and table, and the hosts that the form of a secret proposes."""

from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import in_order
from accounts.common.texts import UNSTORABLE
from accounts.policy import Permission
from integrations.kinds import KINDS
from integrations.references import graph
from integrations.references.usage import COUNTED_AT_MOST, calls_by_place
from integrations.references.uses import LOOKED_AT_MOST, Use, hosts_of, references_by_name, uses_of
from secrets_app.inventory import inventory
from secrets_app.naming.domains import BadDomain, clean_domain
from secrets_app.naming.services import services_named_in

HEADINGS = ("Secret", "Integrations", "Hosts")
DRAWN_AT_MOST = 60
PROPOSED_AT_MOST = 12
LONGEST = {"root": 20, "integration": 26, "host": 33}


@require_GET
@requires(Permission.SECRETS_READ)
def where_used(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Show where a secret is used."""
    row = inventory.one(actor.organization, secret_id)
    found = uses_of(references_by_name(actor.organization, row.name, row.allowed_domains), row.allowed_domains)
    uses = found[:LOOKED_AT_MOST]
    context = {
        "secret": row,
        "uses": uses,
        "blocked": [use for use in uses if use.blocked],
        "more": row.usage_count > LOOKED_AT_MOST or len(found) > len(uses),
        "drawing": _drawing(row.name, uses),
        "places": calls_by_place(actor.organization, secret_id),
        "counted_at_most": COUNTED_AT_MOST,
    }
    return render(request, "integrations/where_used.html", context)


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


def _drawing(name: str, uses: Sequence[Use]) -> dict[str, Any]:
    """Return the graph with the content of its boxes."""
    by_integration = _by_integration(uses)
    drawn = dict(list(by_integration.items())[:DRAWN_AT_MOST])
    blocked = _links(use for some in drawn.values() for use in some if use.blocked)
    placed = graph.layout(_links(use for some in drawn.values() for use in some))
    return {
        "width": graph.WIDTH,
        "height": placed.height,
        "columns": [(x + 2, heading) for x, heading in zip(graph.COLUMNS, HEADINGS, strict=True)],
        "widths": graph.WIDTHS,
        "box_height": graph.BOX_HEIGHT,
        "root": {"box": placed.root, "name": _short(name, "root"), "note": _counted(drawn, placed)},
        "edges": _edges(placed, blocked),
        "integrations": [_integration(box, drawn[box.key]) for box in placed.integrations],
        "hosts": [_host(box, [host for _, host in blocked]) for box in placed.hosts],
        "left_out": len(by_integration) - len(drawn),
    }


def _links(uses: Iterable[Use]) -> list[tuple[Hashable, str | None]]:
    """Return the integration and host of each use; the host is None if there is none yet."""
    return [(use.reference.integration_id, use.host or None) for use in uses]


def _by_integration(uses: Iterable[Use]) -> dict[Hashable, list[Use]]:
    found: dict[Hashable, list[Use]] = defaultdict(list)
    for use in uses:
        found[use.reference.integration_id].append(use)
    return found


def _edges(placed: graph.Graph, blocked: Container[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Return the path of each edge and its CSS class."""
    from_secret = [(edge.path, "hot") for edge in placed.root_edges]
    to_hosts = [(edge.path, "bad" if (edge.source, edge.target) in blocked else "ok") for edge in placed.host_edges]
    return from_secret + to_hosts


def _integration(box: graph.Box, uses: Sequence[Use]) -> dict[str, Any]:
    integration = uses[0].reference.integration
    letters = [environment.letter for environment in in_order(integration.environments)]
    slots = list(dict.fromkeys(use.reference.slot_label for use in uses))
    return {
        "box": box,
        "id": integration.id,
        "name": integration.name,
        "shown": _short(integration.name, "integration"),
        "icon": KINDS[integration.kind].icon,
        "note": _short(slots[0], "integration") if len(slots) == 1 else f"{len(slots)} places",
        "environments": [
            (graph.WIDTHS[1] - 32 - 23 * number, letter) for number, letter in enumerate(reversed(letters))
        ],
    }


def _host(box: graph.Box, blocked: Container[Any]) -> dict[str, Any]:
    name = str(box.key)
    bad = name in blocked
    note = "Not an allowed domain" if bad else "Allowed"
    return {"box": box, "name": name, "shown": _short(name, "host"), "bad": bad, "note": note}


def _counted(drawn: dict[Hashable, list[Use]], placed: graph.Graph) -> str:
    references = len({use.reference.pk for some in drawn.values() for use in some})
    hosts_word = "host" if len(placed.hosts) == 1 else "hosts"
    return f"{references} reference{'' if references == 1 else 's'}, {len(placed.hosts)} {hosts_word}"


def _short(text: str, where: str) -> str:
    """Shorten a text to the width of its box; title and table contain the whole text."""
    longest = LONGEST[where]
    return text if len(text) <= longest else text[: longest - 1] + "…"
