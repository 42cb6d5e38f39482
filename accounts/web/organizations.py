"""Pages outside of organizations: the home page, creating an organization, signing out, single sign-on."""

import functools
from typing import Any
from urllib.parse import urlsplit

from allauth.account.views import LogoutView
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from accounts.access.client_addresses import client_address
from accounts.access.requests import signed_in_user
from accounts.access.route_permissions import LAST_ORGANIZATION, signed_in
from accounts.access.step_up import Proof
from accounts.errors import Invalid
from accounts.models import Membership
from accounts.people.organizations import create_organization
from accounts.policy import Role
from accounts.web.replies import home_page


class SignOutView(LogoutView):
    """Signs out and clears the browser's cache and storage.

    See docs/security-rules.md, "Sessions and browsers"; ASVS 14.3.1.
    """

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out and tell the browser to clear its data."""
        response = super().post(*args, **kwargs)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Redirect to the provider. Connecting it to an account needs a proof that the account is the person's own."""
    if AuthProcess.CONNECT in {request.GET.get("process"), request.POST.get("process")}:
        return connect_single_sign_on(request, provider_id)
    return _via_own_page(request, openid_connect.login(request, provider_id))


@functools.partial(signed_in, proof=Proof.PAGE)
def connect_single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Redirect to the provider to connect an account there with the signed-in account."""
    return _via_own_page(request, openid_connect.login(request, provider_id))


def _via_own_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Replace a redirect to another site by a page that leads there.

    The content policy (`form-action`) forbids that a form leads to another site.
    """
    address = response.headers.get("Location")
    if address is None or not urlsplit(address).netloc:
        return response
    return render(request, "accounts/leaving.html", {"address": address, "name": settings.OIDC_NAME})


@signed_in
def passkeys(_request: HttpRequest) -> HttpResponse:
    """Redirect to the account page, which lists the passkeys."""
    return redirect("mfa_index")


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the organization used last, otherwise the first by name, otherwise to creating one."""
    memberships = Membership.objects.filter(user=request.user.pk).order_by("organization__name")
    roles = dict(memberships.values_list("organization__slug", "role"))
    if not roles:
        return redirect("organization-new")
    last = request.COOKIES.get(LAST_ORGANIZATION)
    slug = last if last in roles else next(iter(roles))
    return redirect(home_page(Role(roles[slug])), slug=slug)


@signed_in
def organization_new(request: HttpRequest) -> HttpResponse:
    """GET shows the form; POST creates the organization."""
    if request.method != "POST":
        return render(request, "accounts/organization_new.html", {"name": "", "errors": []})
    name = request.POST.get("name", "")
    try:
        organization = create_organization(user=signed_in_user(request), name=name, address=client_address(request))
    except Invalid as refusal:
        context = {"name": name, "errors": refusal.errors}
        return render(request, "accounts/organization_new.html", context, status=refusal.status)
    return redirect(home_page(Role.OWNER), slug=organization.slug)
