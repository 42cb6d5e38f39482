"""Pages about the person and their organizations: where to land, and founding an organization."""

from typing import Any

from allauth.account.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.addresses import client_address
from accounts.errors import Invalid
from accounts.models import Membership
from accounts.services.organizations import create_organization
from accounts.stamps import LAST_ORGANIZATION, signed_in


class SignOutView(LogoutView):
    """Signing out also empties what the browser kept (SECURITY section 5.1, ASVS 14.3.1)."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out."""
        response = super().post(*args, **kwargs)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Go to the organization used last, else to the first by name, else to founding one."""
    slugs = list(
        Membership.objects.filter(user=request.user.pk)
        .order_by("organization__name")
        .values_list("organization__slug", flat=True)
    )
    if not slugs:
        return redirect("organization-new")
    last = request.COOKIES.get(LAST_ORGANIZATION)
    return redirect("secrets", slug=last if last in slugs else slugs[0])


@signed_in
def organization_new(request: HttpRequest) -> HttpResponse:
    """Show the form; found the organization when it is sent."""
    if request.method != "POST":
        return render(request, "accounts/organization_new.html", {"name": "", "errors": []})
    name = request.POST.get("name", "")
    try:
        organization = create_organization(user=request.user, name=name, address=client_address(request))  # type: ignore[arg-type]
    except Invalid as refusal:
        context = {"name": name, "errors": refusal.errors}
        return render(request, "accounts/organization_new.html", context, status=refusal.status)
    return redirect("secrets", slug=organization.slug)
