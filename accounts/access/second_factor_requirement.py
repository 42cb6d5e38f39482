"""An organization may require a second factor of everybody: whoever has none sees one page of it, with the way to one.

Checked with every page of the organization (accounts/access/route_permissions.py), so it applies from the moment it
is required and ends when the person sets one up. Leaving the organization works without. API keys are exempt.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access.second_factors import has_second_factor
from accounts.actors import Actor
from accounts.policy import Permission


def missing_second_factor(request: HttpRequest, actor: Actor, permission: Permission) -> HttpResponse | None:
    """None where the page may go on, else the page that leads to setting a second factor up."""
    if not actor.organization.require_mfa or permission is Permission.ORGANIZATION_LEAVE or actor.id is None:
        return None
    if has_second_factor(actor.id):
        return None
    nothing_told = {"missing_count": None}  # the frame would say how many secrets need attention
    return render(request, "accounts/second_factor_needed.html", nothing_told, status=403)
