"""Pages about secrets that need to know integrations, below `/o/<slug>/secrets/`."""

from django.urls import path

from integrations import views_of_rotation, views_of_secrets, views_replace, views_where_used

ROTATE = "<uuid:secret_id>/rotate/"
ROTATION = ROTATE + "<str:environment>/"

urlpatterns = [
    path("hosts/", views_where_used.hosts, name="secret-hosts"),
    path("<uuid:secret_id>/", views_where_used.where_used, name="secret-where-used"),
    path("<uuid:secret_id>/details/", views_of_secrets.details, name="secret-details"),
    path("<uuid:secret_id>/replace/", views_replace.replace, name="secret-replace"),
    path(ROTATE, views_of_rotation.start, name="secret-rotate"),
    path(ROTATION, views_of_rotation.step, name="secret-rotation"),
    path(ROTATION + "window/", views_of_rotation.window, name="secret-rotation-window"),
    path(ROTATION + "check/", views_of_rotation.check, name="secret-rotation-check"),
    path(ROTATION + "check/<uuid:reference_id>/", views_of_rotation.check_one, name="secret-rotation-check-one"),
    path(ROTATION + "promote/", views_of_rotation.promote, name="secret-rotation-promote"),
    path(ROTATION + "rollback/", views_of_rotation.roll_back, name="secret-rotation-rollback"),
    path(ROTATION + "finish/", views_of_rotation.finish, name="secret-rotation-finish"),
    path(ROTATION + "discard/", views_of_rotation.discard, name="secret-rotation-discard"),
]
