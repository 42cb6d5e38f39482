"""The URLs of the installation."""

from django.contrib import admin
from django.urls import include, path

from config.api.agents import mcp
from config.api.application import api
from config.api.route_permissions import api_urls
from config.http import health
from config.http.errors import AGENTS, bad_request, not_found, server_error
from config.monitoring.page import metrics
from integrations.web.agents.urls import agent_urls, key_urls
from integrations.web.alerts.urls import alert_urls, webhook_urls
from integrations.web.find import find

urlpatterns = [
    path("", include("accounts.web.urls")),
    path("o/<slug:slug>/secrets/", include("secrets_app.web.urls")),
    path("o/<slug:slug>/secrets/", include("integrations.web.secrets.urls")),
    path("o/<slug:slug>/integrations/", include("integrations.web.urls")),
    path("o/<slug:slug>/api-keys/", include(key_urls)),
    path("o/<slug:slug>/agents/", include(agent_urls)),
    path("o/<slug:slug>/alerts/", include(alert_urls)),
    path("o/<slug:slug>/webhooks/", include(webhook_urls)),
    path("o/<slug:slug>/approvals/", include("integrations.web.approvals.urls")),
    path("o/<slug:slug>/find/", find, name="find"),
    path("o/<slug:slug>/overview/", include("integrations.web.overview.urls")),
    path("o/<slug:slug>/", include("integrations.web.runs.urls")),
    path("api/v1/", api_urls(api)),
    *(path(address.removeprefix("/"), mcp) for address in AGENTS),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
]

handler400 = bad_request
handler404 = not_found
handler500 = server_error
