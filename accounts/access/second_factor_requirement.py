"""Second factors that an organization requires.

An organization may require a second factor of everybody. People without one see a single page of the organization,
which leads them to setting one up. Every page of the organization checks this (accounts/access/route_permissions.py),
so the rule applies at once and stops applying when the person has set up a factor. Leaving the organization works
without one. API keys are exempt.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access.second_factors import has_second_factor
from accounts.actors import Actor
from accounts.policy import Permission


def missing_second_factor(request: HttpRequest, actor: Actor, permission: Permission) -> HttpResponse | None:
    """Return None if the page may be shown, otherwise the page that leads to setting up a second factor."""
    if not actor.organization.require_mfa or permission is Permission.ORGANIZATION_LEAVE or actor.id is None:
        return None
    if has_second_factor(actor.id):
        return None
    context = {"missing_count": None}  # the layout would show how many secrets need attention
    return render(request, "accounts/second_factor_needed.html", context, status=403)
