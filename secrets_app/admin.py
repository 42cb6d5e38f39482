"""Secrets in the Django admin: everything but values, which nobody sees; staff may switch one off, and no more."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import OrganizationAdmin
from accounts.models import Organization
from accounts.staff.lists import ReadOnlyAdmin, staff_actor
from secrets_app.editing.secrets import set_enabled
from secrets_app.hygiene import findings
from secrets_app.inventory import inventory
from secrets_app.models import Secret

REFERENCES_SHOWN = 20


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
        "organization", "name", "description", "enabled", "status", "allowed_domains", "values", "usage_count",
        "references", "rotate_every_days", "rotation", "last_used_at", "created_at", "updated_at", "version",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    list_filter = ("enabled",)
    search_fields = ("name", "description", "=organization__slug")
    ordering = ("organization_id", "name")
    actions = (disable,)

    @admin.display(description="Status")
    def status(self, secret: Secret) -> str:
        """`Active`, `Disabled` or `Missing`."""
        return _row(secret).status.capitalize()

    @admin.display(description="Values")
    def values(self, secret: Secret) -> str:
        """Where there is one, and since when."""
        return "; ".join(
            f"{environment.label}: {state.state}" + (f" since {state.updated_at:%d %b %Y}" if state.updated_at else "")
            for environment, state in _row(secret).environments.items()
        )

    @admin.display(description="Usage count")
    def usage_count(self, secret: Secret) -> int:
        """How many references there are."""
        return _row(secret).usage_count

    @admin.display(description="References")
    def references(self, secret: Secret) -> str:
        """The first of them."""
        found = inventory.references_to(secret.organization, _row(secret), REFERENCES_SHOWN)
        return "; ".join(f"{reference.integration.name} ({reference.slot})" for reference in found)

    @admin.display(description="Rotation")
    def rotation(self, secret: Secret) -> str:
        """Where a value is staged, and where a previous one is kept."""
        told = []
        for environment, state in _row(secret).environments.items():
            if state.staged_at:
                told.append(f"{environment.label}: staged {state.staged_at:%d %b %Y, %H:%M} UTC")
            if state.rollback_until:
                told.append(f"{environment.label}: previous value until {state.rollback_until:%d %b %Y, %H:%M} UTC")
        return "; ".join(told)


def _row(secret: Secret) -> inventory.Row:
    """The secret as the inventory tells of it; looked up once for each page, whose secret object this is."""
    if not hasattr(secret, "inventory_row"):
        secret.inventory_row = inventory.one(secret.organization, secret.pk)  # type: ignore[attr-defined]
    return secret.inventory_row  # type: ignore[attr-defined]


admin.site.unregister(Organization)


@admin.register(Organization)
class OrganizationWithHygieneAdmin(OrganizationAdmin):
    """The same with what hygiene finds."""

    fields: ClassVar[Any] = (*OrganizationAdmin.fields, "hygiene")
    readonly_fields: ClassVar[Any] = fields

    @admin.display(description="Hygiene")
    def hygiene(self, organization: Organization) -> str:
        """How many of each finding."""
        counts = ((finding.title, findings.count(organization, finding, "")) for finding in findings.FINDINGS)
        return "; ".join(f"{title}: {number}" for title, number in counts if number) or "Everything is in good order"
