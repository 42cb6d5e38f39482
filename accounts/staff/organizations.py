"""The page of an organization in the Django admin: how many of what, its keys, and what happened last."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.audit.wording import choice_label
from accounts.common.when import exact, in_words
from accounts.models import ApiKey, AuditEvent, Membership, Organization
from accounts.policy import Role
from accounts.staff.lists import ORGANIZATION, ReadOnlyAdmin, records_of

KEYS_SHOWN = 20
NOTHING = "None"


class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations, with links to their records."""

    list_display = ("name", "slug", "created_at")
    fields: ClassVar[Any] = ("name", "slug", "created_at", "records", "members", "keys", "last_act")
    readonly_fields: ClassVar[Any] = fields
    search_fields = ("name", "slug", "=memberships__user__email")
    search_help_text = "Part of a name, the whole e-mail address of a member, or a whole id."
    ordering = ("slug",)

    @admin.display(description="Records")
    def records(self, organization: Organization) -> SafeString:
        """Links to the models that are listed one organization at a time."""
        links = (
            (
                reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
                urlencode({ORGANIZATION: str(organization.pk)}),
                str(model._meta.verbose_name_plural).capitalize(),
            )
            for model in records_of(self.admin_site)
        )
        return format_html_join(" · ", '<a href="{}?{}">{}</a>', links)

    @admin.display(description="Members")
    def members(self, organization: Organization) -> SafeString:
        """Return how many people have each role, linked to their list."""
        rows = Membership.objects.filter(organization=organization).values("role").annotate(number=Count("pk"))
        counts = {row["role"]: row["number"] for row in rows}
        words = (f"{role.label}s: {counts[role.value]}" for role in Role if role.value in counts)
        return linked_list("accounts_membership", organization, "; ".join(words))

    @admin.display(description="API keys in force")
    def keys(self, organization: Organization) -> SafeString:
        """Return the keys that were used last, each with when that was."""
        now = timezone.now()
        in_force = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        keys = ApiKey.objects.filter(in_force, organization=organization, parent=None).defer("digest")
        found = sorted(keys[: KEYS_SHOWN * 5], key=lambda key: key.last_used_at or key.created_at, reverse=True)
        lines = (
            (
                reverse("admin:accounts_apikey_change", args=[key.pk]),
                key,
                f"used {in_words(key.last_used_at, now)}" if key.last_used_at else "never used",
            )
            for key in found[:KEYS_SHOWN]
        )
        return format_html_join(SafeString("<br>"), '<a href="{}">{}</a>, {}', lines) or SafeString(NOTHING)

    @admin.display(description="Last entry of the audit log")
    def last_act(self, organization: Organization) -> str:
        """Return what somebody did last, and when."""
        events = AuditEvent.objects.filter(organization_id=organization.pk).order_by("-created_at", "-sequence")
        last = next(iter(events[:1]), None)
        return f"{choice_label(last.event)}, by {last.actor_label}, {exact(last.created_at)}" if last else NOTHING


def linked_list(model: str, organization: Organization, words: str) -> SafeString:
    """Return words that lead to the list of a model, searched for the organization."""
    query = urlencode({"q": organization.slug})
    return format_html('<a href="{}?{}">{}</a>', reverse(f"admin:{model}_changelist"), query, words or NOTHING)
