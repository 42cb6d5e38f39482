"""The hygiene page: findings with links to the pages that fix them, and the comparison of values."""

from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from secrets_app.hygiene import comparison, findings
from secrets_app.hygiene.findings import BY_KEY, COUNTED_AT_MOST, FINDINGS, Finding, FindingRow
from secrets_app.inventory import inventory

PREVIEWED = 5
GROUPS_AT_MOST = 100
GROUPS = [(findings.RISK, "Fix first", "bad"), (findings.ROTATION, "Rotation", "warn"), (findings.TIDY, "Tidy up", "")]


@require_GET
@requires(Permission.SECRETS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show the first rows of every kind of finding, or all rows of one kind (`?finding=`); htmx gets a fragment."""
    template = "secrets_app/_findings.html" if is_fragment(request) else "secrets_app/hygiene.html"
    return render(request, template, _found(request, actor))


@require_GET
@requires(Permission.SECRETS_READ)
def number(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render the number of findings for the menu, which loads it after the page; none in a large organization."""
    is_small = inventory.is_counted_at_once(actor.organization)
    found = findings.count_all(actor.organization) if is_small else 0
    return render(request, "secrets_app/_nav_hygiene.html", {"found": found, "words": _number(found) if found else ""})


@require_POST
@requires(Permission.SECRETS_WRITE)
def compare(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Compare the values and show which are equal or very short. The result is not stored."""
    found = comparison.compare_values(actor=actor)
    same = [*found.several_secrets, *found.several_environments]
    context = {"comparison": found, "same": same[:GROUPS_AT_MOST], "short": found.short[:GROUPS_AT_MOST]}
    context["left_out"] = max(0, len(same) - GROUPS_AT_MOST) + max(0, len(found.short) - GROUPS_AT_MOST)
    if request.htmx:
        return render(request, "secrets_app/_compared.html", context)
    return render(request, "secrets_app/hygiene.html", _found(request, actor) | context)


def _found(request: CofferRequest, actor: Actor) -> dict[str, Any]:
    chosen = {"q": UNSTORABLE.sub("", request.GET.get("q", "")).strip(), "finding": request.GET.get("finding", "")}
    only = BY_KEY.get(chosen["finding"])
    counts = {finding.key: findings.count(actor.organization, finding, chosen["q"]) for finding in FINDINGS}
    shown = [only] if only else FINDINGS
    cursor = request.GET.get("cursor", "") if only else ""
    parts = {
        finding.key: _part(actor, finding, counts[finding.key], chosen, cursor)
        for finding in shown
        if counts[finding.key]
    }
    groups = [
        {"key": key, "title": title, "look": look, "count": _total(counts, key), "parts": _of_group(parts, key)}
        for key, title, look in GROUPS
    ]
    passed = [finding for finding in FINDINGS if not counts[finding.key]]
    return {
        "groups": groups,
        "any": any(group["parts"] for group in groups),
        "passed": passed,
        "checks": len(FINDINGS),
        "filters": chosen,
        "findings": FINDINGS,
        "every_seconds": comparison.EVERY_SECONDS,
        "compared_at_most": comparison.COMPARED_AT_MOST,
    }


def _of_group(parts: dict[str, dict[str, Any]], group: str) -> list[dict[str, Any]]:
    return [part for key, part in parts.items() if BY_KEY[key].group == group]


def _part(actor: Actor, finding: Finding, count: int, chosen: dict[str, str], cursor: str) -> dict[str, Any]:
    """Return the template context of one kind of finding: some of its rows, and the URL of the next rows."""
    is_only = chosen["finding"] == finding.key
    more = {"limit": PREVIEWED} if not is_only else {}
    page = findings.page(actor.organization, finding, chosen["q"], cursor=cursor, **more)
    kept = {"finding": finding.key} | ({"q": chosen["q"]} if chosen["q"] else {})
    next_url = ""
    if page.next_cursor:
        address = reverse("hygiene", args=[actor.organization.slug])
        next_url = f"{address}?{urlencode(kept | ({'cursor': page.next_cursor} if is_only else {}))}"
    return {
        "finding": finding,
        "count": _number(count),
        "rows": [{"row": row, "href": _fix_url(actor, finding, row)} for row in page.items],
        "next_url": next_url,
        "is_only": is_only,
    }


def _fix_url(actor: Actor, finding: Finding, row: FindingRow) -> str:
    """Return the URL of the page that fixes a finding."""
    slug = actor.organization.slug
    if row.id is None:
        return f"{reverse(finding.fix.route, args=[slug])}?name={quote(row.name)}"
    address = reverse(finding.fix.route, args=[slug, row.id])
    return f"{address}#{finding.fix.field}" if finding.fix.field else address


def _total(counts: dict[str, int], group: str) -> str:
    return _number(sum(counts[finding.key] for finding in FINDINGS if finding.group == group))


def _number(count: int) -> str:
    return f"{COUNTED_AT_MOST:,}+" if count > COUNTED_AT_MOST else f"{count:,}"
