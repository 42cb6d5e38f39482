"""Pages of secrets, below `/o/<slug>/secrets/`."""

from django.urls import path

from secrets_app.web import hygiene, importing, listing, renaming, requests, secrets, suggesting

urlpatterns = [
    path("", listing.index, name="secrets"),
    path("new/", secrets.new, name="secret-new"),
    path("import/", importing.import_secrets, name="secret-import"),
    path("hygiene/", hygiene.index, name="hygiene"),
    path("hygiene/count/", hygiene.number, name="hygiene-count"),
    path("hygiene/compare/", hygiene.compare, name="hygiene-compare"),
    path("requests/", requests.index, name="secret-requests"),
    path("requests/new/", requests.new, name="secret-request-new"),
    path("requests/check-name/", requests.check_name, name="secret-request-check-name"),
    path("requests/<uuid:request_id>/dismiss/", requests.dismiss_request, name="secret-request-dismiss"),
    path("counts/", listing.counts, name="secret-counts"),
    path("suggestions/", suggesting.suggestions, name="secret-suggestions"),
    path("check/", secrets.check_form, name="secret-check-new"),
    path("<uuid:secret_id>/check/", secrets.check_form, name="secret-check"),
    path("check-name/", secrets.check_name, name="secret-check-name"),
    path("<uuid:secret_id>/edit/", secrets.edit, name="secret-edit"),
    path("<uuid:secret_id>/rename-impact/", renaming.impact, name="secret-rename-impact"),
    path("<uuid:secret_id>/delete/", secrets.delete, name="secret-delete"),
]
