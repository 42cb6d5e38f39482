"""URLs of the overview, below `/o/<slug>/overview/`."""

from django.urls import path

from integrations.web.overview import page

urlpatterns = [
    path("", page.index, name="overview"),
    path("figures/", page.tiles, name="overview-figures"),
    path("steps/", page.steps, name="overview-steps"),
    path("hide-steps/", page.hide_steps, name="overview-hide-steps"),
]
