"""`manage.py check` refuses a route that nobody stamped."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http import HttpResponse
from django.urls import include, path
from ninja import NinjaAPI

from accounts.access import checks
from accounts.access.route_permissions import RoutePermission, key_requires, permission_of, public, requires, signed_in
from accounts.policy import Permission
from config.api.route_permissions import api_urls


def page():
    """A fresh view: some permissions are put on the function itself."""

    def view(request, *args, **kwargs):
        return HttpResponse()

    return view


@pytest.fixture
def urlconf(settings):
    """Sets the routes of the installation for one test."""

    def use(*patterns):
        settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": list(patterns)})
        return [error for error in run_checks() if error.id == "accounts.E001"]

    return use


def test_every_route_of_the_product_is_stamped():
    assert checks.check_route_permissions() == []
    assert len(list(checks.routes())) > 10


def test_unstamped_page_is_an_error(urlconf):
    errors = urlconf(path("open/", public(page())), path("deep/", include([path("forgotten/", page())])))
    assert [error.msg for error in errors] == ["The route 'deep/forgotten/' does not say who may use it."]


def test_check_command_fails_on_it(urlconf):
    urlconf(path("forgotten/", page()))
    with pytest.raises(SystemCheckError, match="forgotten/"):
        call_command("check")


@pytest.mark.parametrize("stamped", [public(page()), signed_in(page()), requires(Permission.SECRETS_READ)(page())])
def test_each_stamp_satisfies_the_check(urlconf, stamped):
    assert urlconf(path("o/<slug:slug>/", stamped)) == []


def test_unstamped_operation_is_an_error(urlconf):
    api = NinjaAPI(urls_namespace="forgetful")

    @api.get("/stamped")
    @key_requires(Permission.SECRETS_READ)
    def stamped(request):
        return {}

    @api.post("/stamped")
    def forgotten(request):
        return {}

    errors = urlconf(path("api/", api_urls(api)))
    assert {error.msg for error in errors} == {"The route 'api/stamped' does not say who may use it."}


def test_stamp_names_the_permission():
    assert permission_of(requires(Permission.SECRETS_READ)(page())) == RoutePermission(
        "permission", Permission.SECRETS_READ
    )
    assert permission_of(key_requires(Permission.INTEGRATIONS_RUN)(page())) == RoutePermission(
        "key", Permission.INTEGRATIONS_RUN
    )
    assert permission_of(page()) is None
