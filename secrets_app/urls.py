"""Pages of secrets, below `/o/<slug>/secrets/`."""

from django.urls import path

from secrets_app import listing, renaming_views, views, views_hygiene, views_import, views_requests

urlpatterns = [
    path("", listing.index, name="secrets"),
    path("new/", views.new, name="secret-new"),
    path("import/", views_import.import_secrets, name="secret-import"),
    path("hygiene/", views_hygiene.index, name="hygiene"),
    path("hygiene/compare/", views_hygiene.compare, name="hygiene-compare"),
    path("requests/", views_requests.index, name="secret-requests"),
    path("requests/new/", views_requests.new, name="secret-request-new"),
    path("requests/check-name/", views_requests.check_name, name="secret-request-check-name"),
    path("requests/<uuid:request_id>/dismiss/", views_requests.dismiss_request, name="secret-request-dismiss"),
    path("counts/", listing.counts, name="secret-counts"),
    path("switch/", listing.switch, name="secrets-switch"),
    path("check-name/", views.check_name, name="secret-check-name"),
    path("<uuid:secret_id>/edit/", views.edit, name="secret-edit"),
    path("<uuid:secret_id>/rename-impact/", renaming_views.impact, name="secret-rename-impact"),
    path("<uuid:secret_id>/enable/", views.enable, name="secret-enable"),
    path("<uuid:secret_id>/disable/", views.disable, name="secret-disable"),
    path("<uuid:secret_id>/delete/", views.delete, name="secret-delete"),
]
