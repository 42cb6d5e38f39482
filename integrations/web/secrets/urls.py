"""URLs of the pages of secrets that need integrations, below `/o/<slug>/secrets/`."""

from django.urls import path

from integrations.web.secrets import activity, replace, rotation, switching, usage, values, where_used

ROTATE = "<uuid:secret_id>/rotate/"
ROTATION = ROTATE + "<str:environment>/"

urlpatterns = [
    path("hosts/", where_used.hosts, name="secret-hosts"),
    path("switch/", switching.switch, name="secrets-switch"),
    path("<uuid:secret_id>/enable/", switching.enable, name="secret-enable"),
    path("<uuid:secret_id>/disable/", switching.disable, name="secret-disable"),
    path("<uuid:secret_id>/", where_used.where_used, name="secret-where-used"),
    path("<uuid:secret_id>/values/", values.values, name="secret-values"),
    path("<uuid:secret_id>/activity/", activity.activity, name="secret-activity"),
    path("<uuid:secret_id>/details/", usage.details, name="secret-details"),
    path("<uuid:secret_id>/replace/", replace.replace, name="secret-replace"),
    path(ROTATE, rotation.start, name="secret-rotate"),
    path(ROTATION, rotation.step, name="secret-rotation"),
    path(ROTATION + "window/", rotation.window, name="secret-rotation-window"),
    path(ROTATION + "check/", rotation.check, name="secret-rotation-check"),
    path(ROTATION + "check/<uuid:reference_id>/", rotation.check_one, name="secret-rotation-check-one"),
    path(ROTATION + "promote/", rotation.promote, name="secret-rotation-promote"),
    path(ROTATION + "rollback/", rotation.roll_back, name="secret-rotation-rollback"),
    path(ROTATION + "finish/", rotation.finish, name="secret-rotation-finish"),
    path(ROTATION + "discard/", rotation.discard, name="secret-rotation-discard"),
]
