"""URLs of the pages of imports, below `/o/<slug>/integrations/import/`."""

from django.urls import path

from integrations.web.imports import new, update

urlpatterns = [
    path("", new.new, name="import-new"),
    path("<uuid:import_id>/", update.update, name="import-update"),
]
