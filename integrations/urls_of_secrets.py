"""Pages about secrets that need to know integrations, below `/o/<slug>/secrets/`."""

from django.urls import path

from integrations import views_of_secrets

urlpatterns = [path("<uuid:secret_id>/details/", views_of_secrets.details, name="secret-details")]
