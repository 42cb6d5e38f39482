"""URLs of the pages of alerts, below `/o/<slug>/alerts/`, and of one endpoint, below `/o/<slug>/webhooks/`."""

from django.urls import path

from integrations.web.alerts import deliveries, endpoints

alert_urls = [
    path("", endpoints.index, name="alerts"),
    path("new/<str:kind>/", endpoints.new, name="alert-new"),
]

webhook_urls = [
    path("<uuid:endpoint_id>/", endpoints.show, name="webhook"),
    path("<uuid:endpoint_id>/edit/", endpoints.edit, name="webhook-edit"),
    path("<uuid:endpoint_id>/choose/<int:number>/", endpoints.choose, name="webhook-choose"),
    path("<uuid:endpoint_id>/test/", endpoints.test, name="webhook-test"),
    path("<uuid:endpoint_id>/pause/", endpoints.pause, name="webhook-pause"),
    path("<uuid:endpoint_id>/resume/", endpoints.resume, name="webhook-resume"),
    path("<uuid:endpoint_id>/secret/", endpoints.secret, name="webhook-secret"),
    path("<uuid:endpoint_id>/delete/", endpoints.delete, name="webhook-delete"),
    path("<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/", deliveries.show, name="delivery"),
    path("<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/again/", deliveries.again, name="delivery-again"),
]
