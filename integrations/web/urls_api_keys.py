"""URLs of the pages of API keys, below `/o/<slug>/api-keys/`. They are here because keys may be limited to
integrations.
"""

from django.urls import path

from integrations.web import api_keys

urlpatterns = [
    path("", api_keys.index, name="api-keys"),
    path("new/", api_keys.new, name="api-key-new"),
    path("new/integrations/", api_keys.choices, name="api-key-integrations"),
    path("<uuid:key_id>/revoke/", api_keys.revoke, name="api-key-revoke"),
    path("<uuid:key_id>/lift/", api_keys.lift, name="api-key-lift"),
]
