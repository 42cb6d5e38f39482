"""What staff see and do in the Django admin (DESIGN section 8, last column): read nearly everything, change little.

Every change goes through a service, so it appears in the organization's audit log with the staff member's name. Nothing
sealed and no value is shown anywhere; fields are named one by one.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.actors import Actor, actor_for_staff
from accounts.addresses import client_address
from accounts.errors import Refusal
from accounts.models import ApiKey, AuditEvent, Membership, Organization, User
from accounts.policy import Role
from accounts.services.api_keys import revoke_api_key
from accounts.services.organizations import add_member, change_role, remove_member

for model in (Group, EmailAddress, Authenticator, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Staff may look. `fields` and `list_display` are explicit in every subclass; nothing can be changed."""

    actions: Any = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Active staff."""
        return request.user.is_active and request.user.is_staff

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Active staff."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False


def staff_actor(request: HttpRequest, organization: Organization) -> Actor:
    """The signed-in member of staff, acting on this organization."""
    return actor_for_staff(request.user, organization, address=client_address(request))  # type: ignore[arg-type]


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People."""

    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    readonly_fields = fields
    search_fields = ("email", "name")
    ordering = ("email",)


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations."""

    list_display = ("name", "slug", "created_at")
    fields = ("name", "slug", "created_at")
    readonly_fields = fields
    search_fields = ("name", "slug")
    ordering = ("name",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Who belongs where. Staff invite, remove and change admins and members; owners are the owners' business."""

    list_display = ("user", "organization", "role", "created_at")
    fields = ("organization", "user", "role")
    list_select_related = ("user", "organization")
    list_filter = ("role",)
    search_fields = ("user__email", "organization__name")
    autocomplete_fields = ("user", "organization")
    ordering = ("organization__name", "user__email")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Active staff."""
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Active staff, the role alone."""
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Active staff."""
        return self.has_view_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Organization and person are fixed once the membership exists."""
        return ("organization", "user") if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:  # noqa: ARG002
        """Add the person, or change the role."""
        actor = staff_actor(request, obj.organization)
        if change:
            change_role(actor=actor, membership_id=obj.pk, role=Role(obj.role))
        else:
            obj.pk = add_member(actor=actor, user=obj.user, role=Role(obj.role)).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Take the person out."""
        remove_member(actor=staff_actor(request, obj.organization), membership_id=obj.pk)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A refusal of the service is shown on the form, which nothing was saved from."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            return _refused(request, refusal)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A refusal of the service is shown on the page, and nothing was deleted."""
        try:
            return super().delete_view(request, *args, **kwargs)
        except Refusal as refusal:
            return _refused(request, refusal)


@admin.action(description="Revoke selected API keys")
def revoke(modeladmin: "ApiKeyAdmin", request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:  # noqa: ARG001
    """End them at once; the organization's log names the member of staff."""
    for key in queryset.select_related("organization"):
        revoke_api_key(actor=staff_actor(request, key.organization), key_id=key.id)
        messages.success(request, f"Revoked {key.name}.")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, by what may be shown of them. Staff may revoke one, and no more."""

    actions = (revoke,)

    list_display = ("name", "prefix", "organization", "scopes", "expires_at", "revoked_at", "last_used_at")
    fields = (
        "organization", "name", "prefix", "scopes", "max_concurrent", "max_per_minute", "expires_at", "revoked_at",
        "last_used_at", "created_at",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    search_fields = ("name", "prefix")
    ordering = ("organization__name", "name")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The audit trail of every organization."""

    list_display = ("created_at", "event", "outcome", "actor_label", "target_label", "environment")
    fields = (
        "organization_id", "sequence", "created_at", "event", "outcome", "actor_kind", "actor_label", "target_kind",
        "target_label", "environment", "address", "data",
    )  # fmt: skip
    readonly_fields = fields
    search_fields = ("event", "actor_label", "target_label")
    list_filter = ("event", "outcome")
    ordering = ("-created_at",)
    show_full_result_count = False


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    messages.error(request, " ".join(error.message for error in refusal.errors) or refusal.detail)
    return redirect(request.path)
