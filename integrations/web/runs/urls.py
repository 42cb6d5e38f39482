"""URLs of the pages of runs, below `/o/<slug>/`."""

from django.urls import path

from integrations.web.runs import listing, showing

urlpatterns = [
    path("runs/", listing.index, name="runs"),
    path("runs/new/", listing.newer, name="runs-new"),
    path("runs/csv/", listing.as_csv, name="runs-csv"),
    path("runs/jsonl/", listing.as_json_lines, name="runs-jsonl"),
    path("runs/<uuid:run_id>/", showing.show, name="run"),
    path("runs/<uuid:run_id>/trace/", showing.trace, name="run-trace"),
    path("runs/<uuid:run_id>/again/", showing.again, name="run-again"),
    path("integrations/<uuid:integration_id>/runs/", listing.of_integration, name="integration-runs"),
    path("secrets/<uuid:secret_id>/runs/", listing.of_secret, name="secret-runs"),
    path("api-keys/<uuid:key_id>/runs/", listing.of_key, name="api-key-runs"),
]
