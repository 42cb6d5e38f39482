"""Secrets in the Django admin: everything but values, which nobody sees; staff may switch one off, and no more."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import ReadOnlyAdmin, staff_actor
from secrets_app import inventory
from secrets_app.models import Secret
from secrets_app.services.secrets import set_enabled


@admin.action(description="Disable selected secrets")
def disable(modeladmin: "SecretAdmin", request: HttpRequest, queryset: QuerySet[Secret]) -> None:  # noqa: ARG001
    """Stop every run that needs them, at once; the organization's log names the member of staff."""
    for secret in queryset.select_related("organization"):
        set_enabled(actor=staff_actor(request, secret.organization), secret_id=secret.id, enabled=False)
        messages.success(request, f"Disabled {secret.name}.")


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """Names, descriptions, switches, domains, use."""

    list_display = ("name", "organization", "enabled", "allowed_domains", "last_used_at")
    fields = (
        "organization", "name", "description", "enabled", "allowed_domains", "rotate_every_days", "rotation",
        "last_used_at", "created_at", "updated_at", "version",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    list_filter = ("enabled",)
    search_fields = ("name", "description")
    ordering = ("organization__name", "name")
    actions = (disable,)

    @admin.display(description="Rotation")
    def rotation(self, secret: Secret) -> str:
        """Where a value is staged, and where a previous one is kept."""
        told = []
        for environment, state in inventory.one(secret.organization, secret.pk).environments.items():
            if state.staged_at:
                told.append(f"{environment.label}: staged {state.staged_at:%d %b %Y, %H:%M} UTC")
            if state.rollback_until:
                told.append(f"{environment.label}: previous value until {state.rollback_until:%d %b %Y, %H:%M} UTC")
        return "; ".join(told)
