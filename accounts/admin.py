"""The accounts app in the Django admin (docs/staff.md): staff read nearly everything and change little.

Every change goes through a service, so it appears in the organization's audit log with the name of the member of staff.
No value and nothing sealed is shown; fields are listed one by one.
"""

from typing import Any, ClassVar, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from typing_extensions import override

from accounts.access.api_keys import revoke_api_key
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import record_refused_attempt
from accounts.actors import Actor
from accounts.audit.refused_attempts import AttemptTarget, RefusedAttempt
from accounts.audit.trail import Event, Outcome
from accounts.audit.wording import choice_label, details
from accounts.errors import Refusal
from accounts.models import ApiKey, AuditEvent, Invitation, Membership, Organization, User
from accounts.people.invitations import invite, withdraw
from accounts.people.links import sentences_about_mail
from accounts.people.organizations import change_role, remove_member
from accounts.policy import SCOPE_LABELS, Role, Scope
from accounts.staff.lists import (
    KeyStateFilter,
    OrganizationFilter,
    ReadOnlyAdmin,
    RecordsAdmin,
    choice_filter,
    in_words,
    staff_actor,
)
from accounts.staff.organizations import OrganizationAdmin
from accounts.waiting_mail import WaitingMail

for model in (Group, EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People, read-only."""

    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login", "date_joined", "organizations")
    readonly_fields: ClassVar[Any] = fields
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)

    @admin.display(description="Organizations")
    def organizations(self, user: User) -> SafeString:
        """Return the organizations of the person, each with the role there."""
        found = Membership.objects.filter(user=user).select_related("organization").order_by("organization__name")
        lines = (
            (reverse("admin:accounts_organization_change", args=[each.organization_id]), each.organization, each.role)
            for each in found
        )
        return format_html_join(" · ", '<a href="{}">{}</a>, {}', lines) or SafeString("None")


admin.site.register(Organization, OrganizationAdmin)


class PeopleAdmin(ReadOnlyAdmin):
    """Memberships and invitations, changed by services.

    A refusal is shown as a message and recorded in the audit log.
    """

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the role of owner: only owners add owners."""
        if db_field.name == "role":
            kwargs["choices"] = [(role.value, role.label) for role in (Role.ADMIN, Role.MEMBER)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow staff."""
        return self.has_view_permission(request, obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return to the form after a refusal; nothing was saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            return _refused(request, refusal)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return to the page after a refusal; nothing was deleted."""
        try:
            return super().delete_view(request, *args, **kwargs)
        except Refusal as refusal:
            return _refused(request, refusal)


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Show the refusal and record the attempt. The transaction of Django's view has been rolled back by now."""
    record_refused_attempt(cast("CofferRequest", request), refusal)
    messages.error(request, " ".join(error.message for error in refusal.errors) or refusal.detail)
    return redirect(request.path)


def _attempt(request: HttpRequest, event: Event, obj: Membership | Invitation, name: str) -> Actor:
    """Return the acting member of staff, and describe the attempt in case it is refused."""
    actor = staff_actor(request, obj.organization)
    target = obj.user_id if isinstance(obj, Membership) else None
    cast("CofferRequest", request).find_attempt = lambda: RefusedAttempt(actor, event, AttemptTarget(target, name))
    return actor


@admin.register(Membership)
class MembershipAdmin(PeopleAdmin):
    """Members of organizations. Staff change and remove admins and members; to add people, they invite them."""

    list_display = ("user", "organization", "role", "created_at")
    fields = ("organization", "user", "role")
    list_select_related = ("user", "organization")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name", "organization__name", "=organization__slug")
    ordering = ("organization_id", "user_id")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow staff to change the role."""
        return self.has_view_permission(request, obj)

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """Fix the organization and the person, and all fields of an owner."""
        return self.fields if obj and obj.role == Role.OWNER else ("organization", "user")

    @override
    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Change the role through the service."""
        actor = _attempt(request, Event.MEMBER_ROLE_CHANGED, obj, obj.user.email)
        change_role(actor=actor, membership_id=obj.pk, role=Role(obj.role))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Remove the person through the service."""
        actor = _attempt(request, Event.MEMBER_REMOVED, obj, obj.user.email)
        remove_member(actor=actor, membership_id=obj.pk)


class InvitationForm(ModelForm):
    """The form of a new invitation."""

    class Meta:
        model = Invitation
        fields = ("organization", "email", "role")

    def clean_email(self) -> str:
        """Normalize the address like a login."""
        return User.objects.normalize_email(self.cleaned_data["email"])


@admin.register(Invitation)
class InvitationAdmin(PeopleAdmin):
    """Open invitations, without their links. Staff invite admins and members, and withdraw invitations."""

    form = InvitationForm
    list_display = ("email", "organization", "role", "invited_by", "expires_at")
    fields = ("organization", "email", "role", "invited_by", "created_at", "expires_at")
    list_select_related = ("organization",)
    search_fields = ("email", "organization__name", "=organization__slug")
    list_filter = ("role", "awaits_owner")
    autocomplete_fields = ("organization",)
    ordering = ("organization_id", "email")

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow staff."""
        return self.has_view_permission(request)

    @override
    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> tuple[str, ...]:
        """Show only the fields to fill in for a new invitation."""
        return self.fields if obj else ("organization", "email", "role")

    @override
    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """Invite through the service."""
        actor = _attempt(request, Event.INVITATION_CREATED, obj, obj.email)
        made = invite(actor=actor, emails=[obj.email], role=Role(obj.role))
        obj.pk = made[0].pk
        for sentence in sentences_about_mail(actor, made):
            messages.warning(request, sentence)

    def delete_model(self, request: HttpRequest, obj: Invitation) -> None:
        """Withdraw the invitation through the service."""
        withdraw(actor=_attempt(request, Event.INVITATION_WITHDRAWN, obj, obj.email), invitation_id=obj.pk)


@admin.register(WaitingMail)
class WaitingMailAdmin(ReadOnlyAdmin):
    """Mail that the mail server did not take, without its text. It is sent again, or failed for good."""

    list_display = ("about", "to", "attempts", "next_at", "problem", "created_at")
    fields = ("about", "to", "subject", "attempts", "next_at", "problem", "created_at")
    search_fields = ("=to",)
    ordering = ("-created_at",)


@admin.action(description="Revoke selected API keys")
def revoke(_modeladmin: "ApiKeyAdmin", request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
    """Revoke the selected keys. The organization's audit log names the member of staff."""
    for key in queryset.select_related("organization"):
        revoke_api_key(actor=staff_actor(request, key.organization), key_id=key.id)
        messages.success(request, f"Revoked {key.name}.")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, without digests and sessions. Staff may revoke them. Only the organization lifts a suspension."""

    actions = (revoke,)

    list_display = (
        "name",
        "prefix",
        "organization",
        "scopes_in_words",
        "expires_at",
        "revoked_at",
        "suspended_at",
        "last_used_at",
    )
    fields = (
        "organization", "name", "prefix", "scopes_in_words", "environments", "max_concurrent", "max_per_minute",
        "expires_at", "revoked_at", "suspended_at", "secrets_in_arguments", "last_used_at", "last_address",
        "last_client", "created_at", "created_by",
    )  # fmt: skip
    readonly_fields: ClassVar[Any] = fields
    list_select_related = ("organization",)
    list_filter = (KeyStateFilter,)
    search_fields = ("name", "prefix", "organization__name", "=organization__slug", "=created_by__email")
    ordering = ("organization_id", "name")

    scopes_in_words = in_words("scopes", "May", lambda scopes: ", ".join(SCOPE_LABELS[Scope(one)] for one in scopes))

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Leave sessions out: revoking a key stops them."""
        return super().get_queryset(request).filter(parent=None)


@admin.register(AuditEvent)
class AuditEventAdmin(RecordsAdmin):
    """The audit log of an organization, read-only."""

    list_display = ("created_at", "event_in_words", "outcome_in_words", "actor_label", "target_label", "environment")
    fields = (
        "organization_id", "sequence", "created_at", "event_in_words", "outcome_in_words", "actor_kind", "actor_label",
        "target_kind", "target_label", "environment", "address", "details",
    )  # fmt: skip
    readonly_fields: ClassVar[Any] = fields
    search_fields = ("actor_label", "target_label")
    list_filter = (
        OrganizationFilter,
        choice_filter("outcome", "outcome", [(outcome.value, outcome.label) for outcome in Outcome]),
        choice_filter("event", "event", [(event.value, choice_label(event.value)) for event in sorted(Event)]),
    )
    ordering = ("-created_at", "-sequence")

    event_in_words = in_words("event", "Event", choice_label)
    outcome_in_words = in_words("outcome", "Outcome", lambda outcome: Outcome(outcome).label)
    details = in_words("data", "Details", lambda data: "; ".join(f"{name}: {told}" for name, told in details(data)))
