"""Pages about secrets that need to know integrations, below `/o/<slug>/secrets/`."""

from django.urls import path

from integrations import views_of_secrets, views_replace, views_where_used

urlpatterns = [
    path("hosts/", views_where_used.hosts, name="secret-hosts"),
    path("<uuid:secret_id>/", views_where_used.where_used, name="secret-where-used"),
    path("<uuid:secret_id>/details/", views_of_secrets.details, name="secret-details"),
    path("<uuid:secret_id>/replace/", views_replace.replace, name="secret-replace"),
]
