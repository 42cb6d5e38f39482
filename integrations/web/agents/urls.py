"""URLs of the pages of API keys, below `/o/<slug>/api-keys/`, and of connecting agents, below `/o/<slug>/agents/`."""

from django.urls import path

from integrations.web import budgets
from integrations.web.agents import connecting, keys, stopping

key_urls = [
    path("", keys.index, name="api-keys"),
    path("new/", keys.new, name="api-key-new"),
    path("new/integrations/", keys.choices, name="api-key-integrations"),
    path("<uuid:key_id>/", keys.show, name="api-key"),
    path("<uuid:key_id>/revoke/", keys.revoke, name="api-key-revoke"),
    path("<uuid:key_id>/budget/", budgets.of_key, name="api-key-budget"),
    path("<uuid:key_id>/stop/", stopping.stop_agent, name="api-key-stop"),
    path("<uuid:key_id>/lift/", stopping.lift, name="api-key-lift"),
    path("<uuid:key_id>/sessions/", keys.sessions, name="api-key-sessions"),
    path("sessions/<uuid:session_id>/stop/", keys.stop, name="api-key-session-stop"),
]

agent_urls = [
    path("connect/", connecting.connect, name="agent-connect"),
    path("connect/tools/", connecting.tools, name="agent-tools"),
    path("connect/<uuid:key_id>/", connecting.first, name="agent-first-call"),
]
