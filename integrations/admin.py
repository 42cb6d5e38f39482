"""Integrations and runs in the Django admin: to look at."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from integrations.models import Integration, Run


@admin.register(Integration)
class IntegrationAdmin(ReadOnlyAdmin):
    """Configurations hold placeholders, never values."""

    list_display = ("name", "organization", "kind", "enabled", "updated_at")
    fields = (
        "organization", "kind", "name", "description", "enabled", "environments", "config", "auth_connector",
        "created_at", "updated_at", "version",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    list_filter = ("kind", "enabled")
    search_fields = ("name", "description")
    ordering = ("organization__name", "name")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """The run ledger."""

    list_display = ("started_at", "integration_name", "environment", "outcome", "error_code", "status", "caller")
    fields = (
        "organization", "integration_name", "kind", "operation", "environment", "caller_kind", "caller", "outcome",
        "error_code", "host", "status", "duration_ms", "started_at",
    )  # fmt: skip
    readonly_fields = fields
    list_filter = ("outcome", "environment")
    search_fields = ("integration_name", "caller")
    ordering = ("-started_at", "-id")
    show_full_result_count = False
