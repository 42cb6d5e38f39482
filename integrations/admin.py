"""Integrations and runs in the Django admin, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.common.environments import Environment
from accounts.staff.lists import ORGANIZATION, OrganizationFilter, ReadOnlyAdmin, RecordsAdmin, as_id, choice_filter
from integrations.kinds import KINDS
from integrations.models import Integration, Run, RunOutcome


@admin.register(Integration)
class IntegrationAdmin(ReadOnlyAdmin):
    """Lists and shows integrations. Configurations hold placeholders, never values."""

    list_display = ("name", "organization", "kind", "enabled", "updated_at")
    fields = (
        "organization", "kind", "name", "description", "enabled", "environments", "config", "auth_connector",
        "created_at", "updated_at", "version",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    list_filter = (choice_filter("kind", "kind", [(key, kind.label) for key, kind in KINDS.items()]), "enabled")
    search_fields = ("name", "description", "=organization__slug")
    ordering = ("organization_id", "name")


@admin.register(Run)
class RunAdmin(RecordsAdmin):
    """Lists and shows the runs of an organization."""

    list_display = ("started_at", "integration_name", "environment", "outcome", "error_code", "status", "caller")
    fields = (
        "organization", "integration_name", "kind", "operation", "environment", "caller_kind", "caller", "outcome",
        "error_code", "host", "status", "duration_ms", "started_at",
    )  # fmt: skip
    readonly_fields = fields
    list_filter = (
        OrganizationFilter,
        choice_filter("outcome", "outcome", [(outcome.value, outcome.value) for outcome in RunOutcome]),
        choice_filter("environment", "environment", [(known.value, known.label) for known in Environment]),
    )
    search_fields = ("integration_name",)
    ordering = ("-started_at", "-id")

    def search(self, request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Filter runs by the exact name of their integration.

        The name is resolved to an id first, because runs are indexed by the integration's id and not by its name.
        """
        chosen = as_id(request.GET.get(ORGANIZATION, ""))
        named = Integration.objects.filter(organization=chosen, name=text)
        return queryset.filter(integration_id__in=list(named.values_list("pk", flat=True)))
