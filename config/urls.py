"""Every address that Coffer answers."""

from django.contrib import admin
from django.urls import include, path

from config import health
from config.agents import mcp
from config.api import api
from config.errors import bad_request, not_found, server_error
from config.stamping import stamped_api

urlpatterns = [
    path("", include("accounts.urls")),
    path("o/<slug:slug>/secrets/", include("secrets_app.urls")),
    path("o/<slug:slug>/secrets/", include("integrations.urls_of_secrets")),
    path("o/<slug:slug>/integrations/", include("integrations.urls")),
    path("o/<slug:slug>/api-keys/", include("integrations.urls_of_api_keys")),
    path("api/v1/", stamped_api(api)),
    path("mcp", mcp),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

handler400 = bad_request
handler404 = not_found
handler500 = server_error
