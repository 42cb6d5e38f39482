"""URLs of the pages of integrations, below `/o/<slug>/integrations/`."""

from django.urls import path

from integrations.web import (
    agent_tools,
    checking,
    deleting,
    duplicating,
    editing,
    listing,
    parents,
    paste_guard,
    readiness,
    testing,
    tools,
)

urlpatterns = [
    path("", listing.index, name="integrations"),
    path("readiness/", readiness.index, name="readiness-matrix"),
    path("counts/", listing.counts, name="integration-counts"),
    path("suggestions/", parents.suggestions, name="integration-suggestions"),
    path("new/<str:kind>/", editing.new, name="integration-new"),
    path("new/<str:kind>/pasted/", paste_guard.in_new, name="integration-new-pasted"),
    path("new/<str:kind>/domain-check/", editing.domain_check, name="integration-domain-check"),
    path("<uuid:integration_id>/", editing.edit, name="integration-edit"),
    path("<uuid:integration_id>/pasted/", paste_guard.in_stored, name="integration-pasted"),
    path("<uuid:integration_id>/duplicate/", duplicating.duplicate, name="integration-duplicate"),
    path("<uuid:integration_id>/delete/", deleting.delete, name="integration-delete"),
    path("<uuid:integration_id>/test/", testing.test, name="integration-test"),
    path("<uuid:integration_id>/arguments/", testing.arguments, name="integration-arguments"),
    path("<uuid:integration_id>/check/", checking.check, name="integration-check"),
    path("<uuid:integration_id>/agent-tools/", agent_tools.index, name="integration-agent-tools"),
    path("<uuid:integration_id>/agent-tools/<uuid:tool_id>/", agent_tools.edit, name="integration-agent-tool"),
    path("<uuid:integration_id>/tools/", tools.index, name="integration-tools"),
    path("<uuid:integration_id>/tools/list/", tools.listing, name="integration-tools-list"),
    path("<uuid:integration_id>/tools/approve/", tools.approve, name="integration-tools-approve"),
    path("<uuid:integration_id>/tools/withdraw/", tools.withdraw, name="integration-tool-withdraw"),
    path("<uuid:integration_id>/tools/only-approved/", tools.only_approved, name="integration-only-approved"),
]
