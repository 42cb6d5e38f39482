"""URLs of the pages of integrations, below `/o/<slug>/integrations/`."""

from django.urls import include, path

from integrations.web import (
    agent_tools,
    budgets,
    checking,
    deleting,
    duplicating,
    editing,
    listing,
    parents,
    paste_guard,
    readiness,
    switching,
    testing,
    tools,
)
from integrations.web.rules import pages as rules
from integrations.web.rules import unasked

urlpatterns = [
    path("", listing.index, name="integrations"),
    path("unasked/", unasked.index, name="unasked-operations"),
    path("readiness/", readiness.index, name="readiness-matrix"),
    path("counts/", listing.counts, name="integration-counts"),
    path("suggestions/", parents.suggestions, name="integration-suggestions"),
    path("import/", include("integrations.web.imports.urls")),
    path("new/<str:kind>/", editing.new, name="integration-new"),
    path("new/<str:kind>/pasted/", paste_guard.in_new, name="integration-new-pasted"),
    path("new/<str:kind>/domain-check/", editing.domain_check, name="integration-domain-check"),
    path("<uuid:integration_id>/", editing.edit, name="integration-edit"),
    path("<uuid:integration_id>/pasted/", paste_guard.in_stored, name="integration-pasted"),
    path("<uuid:integration_id>/enable/", switching.enable, name="integration-enable"),
    path("<uuid:integration_id>/disable/", switching.disable, name="integration-disable"),
    path("<uuid:integration_id>/budget/", budgets.of_integration, name="integration-budget"),
    path("<uuid:integration_id>/menu/", listing.menu, name="integration-menu"),
    path("<uuid:integration_id>/duplicate/", duplicating.duplicate, name="integration-duplicate"),
    path("<uuid:integration_id>/delete/", deleting.delete, name="integration-delete"),
    path("<uuid:integration_id>/test/", testing.test, name="integration-test"),
    path("<uuid:integration_id>/arguments/", testing.arguments, name="integration-arguments"),
    path("<uuid:integration_id>/check/", checking.check, name="integration-check"),
    path("<uuid:integration_id>/rules/", rules.edit, name="integration-rules"),
    path("<uuid:integration_id>/rules/try/", rules.attempt, name="integration-rules-try"),
    path("<uuid:integration_id>/agent-tools/", agent_tools.index, name="integration-agent-tools"),
    path("<uuid:integration_id>/agent-tools/<uuid:tool_id>/", agent_tools.edit, name="integration-agent-tool"),
    path("<uuid:integration_id>/tools/", tools.index, name="integration-tools"),
    path("<uuid:integration_id>/tools/list/", tools.listing, name="integration-tools-list"),
    path("<uuid:integration_id>/tools/approve/", tools.approve, name="integration-tools-approve"),
    path("<uuid:integration_id>/tools/withdraw/", tools.withdraw, name="integration-tool-withdraw"),
    path("<uuid:integration_id>/tools/only-approved/", tools.only_approved, name="integration-only-approved"),
]
