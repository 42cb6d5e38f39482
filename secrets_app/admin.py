"""Secrets in the Django admin. Values are never shown; the only action that staff may take is to disable a secret."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.models import Organization
from accounts.staff.lists import ReadOnlyAdmin, in_words, staff_actor
from accounts.staff.organizations import OrganizationAdmin, linked_list
from secrets_app.editing.secrets import set_enabled
from secrets_app.hygiene import findings
from secrets_app.inventory import inventory
from secrets_app.inventory.rows import InventoryRow
from secrets_app.models import Secret

REFERENCES_SHOWN = 20


@admin.action(description="Disable selected secrets")
def disable(_modeladmin: "SecretAdmin", request: HttpRequest, queryset: QuerySet[Secret]) -> None:
    """Disable the selected secrets, which stops every run that needs them. The audit log names the staff member."""
    for secret in queryset.select_related("organization"):
        set_enabled(actor=staff_actor(request, secret.organization), secret_id=secret.id, enabled=False)
        messages.success(request, f"Disabled {secret.name}.")


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """The read-only list and detail pages of secrets."""

    list_display = ("name", "organization", "enabled", "domains", "last_used_at")
    fields = (
        "organization", "name", "description", "enabled", "status", "domains", "is_identifier", "values",
        "usage_count", "references", "rotate_every_days", "rotation", "last_used_at", "created_at", "updated_at",
        "version",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    list_filter = ("enabled",)
    search_fields = ("name", "description", "organization__name", "=organization__slug")
    ordering = ("organization_id", "name")
    actions = (disable,)

    domains = in_words("allowed_domains", "Allowed domains", ", ".join)

    @admin.display(description="Status")
    def status(self, secret: Secret) -> str:
        """Return `Active`, `Disabled` or `Missing`."""
        return _row(secret).status.capitalize()

    @admin.display(description="Values")
    def values(self, secret: Secret) -> str:
        """Return the state of the value in each environment, and since when it has been set."""
        return "; ".join(
            f"{environment.label}: {state.state}" + (f" since {state.updated_at:%d %b %Y}" if state.updated_at else "")
            for environment, state in _row(secret).environments.items()
        )

    @admin.display(description="Usage count")
    def usage_count(self, secret: Secret) -> int:
        """Return the number of references."""
        return _row(secret).usage_count

    @admin.display(description="References")
    def references(self, secret: Secret) -> str:
        """Return the first references, each as the integration's name and the slot."""
        found = inventory.references_to(secret.organization, _row(secret), REFERENCES_SHOWN)
        return "; ".join(f"{reference.integration.name} ({reference.slot})" for reference in found)

    @admin.display(description="Rotation")
    def rotation(self, secret: Secret) -> str:
        """Return the environments in which a value is staged or a previous value is kept."""
        lines = []
        for environment, state in _row(secret).environments.items():
            if state.staged_at:
                lines.append(f"{environment.label}: staged {state.staged_at:%d %b %Y, %H:%M} UTC")
            if state.rollback_until:
                lines.append(f"{environment.label}: previous value until {state.rollback_until:%d %b %Y, %H:%M} UTC")
        return "; ".join(lines)


def _row(secret: Secret) -> InventoryRow:
    """Return the inventory row of a secret. It is cached on the object, so a page loads it once."""
    if not hasattr(secret, "inventory_row"):
        secret.inventory_row = inventory.one(secret.organization, secret.pk)  # type: ignore[attr-defined]
    return secret.inventory_row  # type: ignore[attr-defined]


admin.site.unregister(Organization)


@admin.register(Organization)
class OrganizationWithHygieneAdmin(OrganizationAdmin):
    """The admin of organizations, with the counts of secrets and of hygiene findings added."""

    fields: ClassVar[Any] = (*OrganizationAdmin.fields, "secrets", "hygiene")
    readonly_fields: ClassVar[Any] = fields

    @admin.display(description="Secrets")
    def secrets(self, organization: Organization) -> SafeString:
        """Return how many secrets there are, linked to their list."""
        return linked_list("secrets_app_secret", organization, f"{Secret.objects.of(organization).count():,}")

    @admin.display(description="Hygiene")
    def hygiene(self, organization: Organization) -> str:
        """Return the number of secrets for each kind of finding."""
        counts = ((finding.title, findings.count(organization, finding, "")) for finding in findings.FINDINGS)
        return "; ".join(f"{title}: {number}" for title, number in counts if number) or "Everything is in good order"
