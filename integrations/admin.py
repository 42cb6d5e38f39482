"""Integrations and runs in the Django admin, read-only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from typing_extensions import override

from accounts.common.environments import Environment
from accounts.common.when import exact
from accounts.models import Organization
from accounts.staff.lists import (
    ORGANIZATION,
    OrganizationFilter,
    ReadOnlyAdmin,
    RecordsAdmin,
    as_id,
    as_text,
    choice_filter,
    in_words,
)
from accounts.staff.organizations import NOTHING, linked_list
from integrations.kinds import KINDS
from integrations.models import Integration, Run, RunOutcome
from integrations.runs.way_out import WAYS
from secrets_app.admin import OrganizationWithHygieneAdmin

RUNS_COUNTED = 10_000
ENVIRONMENTS = [(known.value, known.label) for known in Environment]
KIND_CHOICES = [(key, kind.label) for key, kind in KINDS.items()]


def _kind(key: str) -> str:
    return KINDS[key].label if key in KINDS else key


def _sentence(tag: str) -> str:
    return tag.replace("_", " ").capitalize()


class EnvironmentFilter(admin.SimpleListFilter):
    """Chooses integrations that run in an environment."""

    title = parameter_name = "environment"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the environments."""
        return ENVIRONMENTS

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the integrations that run there."""
        known = next((known for known in Environment if known.value == self.value()), None)
        return queryset.filter(environments__has=known) if known else queryset


@admin.register(Integration)
class IntegrationAdmin(ReadOnlyAdmin):
    """Lists and shows integrations. Configurations hold placeholders, never values."""

    list_display = ("name", "organization", "kind_in_words", "environments", "enabled", "updated_at")
    fields = (
        "organization", "kind_in_words", "name", "description", "tool_name", "enabled", "environments",
        "settings_as_text", "auth_connector", "connection", "created_at", "updated_at", "version",
    )  # fmt: skip
    readonly_fields = fields
    list_select_related = ("organization",)
    list_filter = (choice_filter("kind", "kind", KIND_CHOICES), EnvironmentFilter, "enabled")
    search_fields = ("name", "description", "tool_name", "organization__name", "=organization__slug")
    ordering = ("organization_id", "name")

    kind_in_words = in_words("kind", "Kind", _kind)
    settings_as_text = in_words("config", "Settings", as_text)


@admin.register(Run)
class RunAdmin(RecordsAdmin):
    """Lists and shows the runs of an organization, and the runs of a request or an id in every one."""

    list_display = (
        "started_at", "integration_name", "environment", "outcome_in_words", "error_code", "status", "caller",
    )  # fmt: skip
    fields = (
        "id", "organization", "integration_name", "kind_in_words", "operation", "environment", "caller_kind", "caller",
        "outcome_in_words", "error_code", "host", "address", "status", "sent_bytes", "answer_bytes", "first_byte_ms",
        "duration_ms",
        "steps_in_words", "request_id", "started_at",
    )  # fmt: skip
    readonly_fields = fields
    list_filter = (
        OrganizationFilter,
        choice_filter("outcome", "outcome", [(outcome.value, _sentence(outcome.value)) for outcome in RunOutcome]),
        choice_filter("environment", "environment", ENVIRONMENTS),
        choice_filter("code", "error_code", [(code, code) for code in sorted(WAYS)]),
        choice_filter("kind", "kind", KIND_CHOICES),
    )
    search_fields = ("integration_name",)
    search_help_text = (
        "The id of a run or a request; or, once an organization is chosen, the exact name or the id of an integration, "
        "or the exact name of a caller."
    )
    ordering = ("-started_at", "-id")

    kind_in_words = in_words("kind", "Kind", _kind)
    outcome_in_words = in_words("outcome", "Outcome", _sentence)
    steps_in_words = in_words(
        "steps", "Steps", lambda steps: "; ".join(f"{name} {took} ms" for name, took in steps.items())
    )

    def named(self, text: str) -> QuerySet[Any]:
        """Return the run with this id, or the runs of the request with this id."""
        return super().named(text) if as_id(text) else Run.objects.filter(request_id=text)

    def search(self, request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Filter runs by their integration, by its id or its exact name, or by the exact name of the caller.

        The name is resolved to ids first, because runs are indexed by ids and not by names.
        """
        chosen, own = as_id(request.GET.get(ORGANIZATION, "")), as_id(text)
        if own:
            return queryset.filter(integration_id=own)
        named = Integration.objects.filter(organization=chosen, name=text)
        if ids := list(named.values_list("pk", flat=True)):
            return queryset.filter(integration_id__in=ids)
        return queryset.filter(caller=text)


admin.site.unregister(Organization)


@admin.register(Organization)
class OrganizationWithRunsAdmin(OrganizationWithHygieneAdmin):
    """The admin of organizations, with the counts of integrations and runs and the last run added."""

    fields: ClassVar[Any] = (*OrganizationWithHygieneAdmin.fields, "integrations", "runs", "last_run")
    readonly_fields: ClassVar[Any] = fields

    @admin.display(description="Integrations")
    def integrations(self, organization: Organization) -> SafeString:
        """Return how many integrations there are, linked to their list."""
        number = Integration.objects.of(organization).count()
        return linked_list("integrations_integration", organization, f"{number:,}")

    @admin.display(description="Runs")
    def runs(self, organization: Organization) -> str:
        """Return how many runs are kept, up to a number."""
        number = Run.objects.filter(organization=organization).order_by()[: RUNS_COUNTED + 1].count()
        return f"More than {RUNS_COUNTED:,}" if number > RUNS_COUNTED else f"{number:,}"

    @admin.display(description="Last run")
    def last_run(self, organization: Organization) -> str:
        """Return the newest run: its integration, how it ended, and when it began."""
        runs = Run.objects.filter(organization=organization).order_by("-started_at", "-id")
        last = next(iter(runs[:1]), None)
        if last is None:
            return NOTHING
        return f"{last.integration_name}, {_sentence(last.outcome)}, {exact(last.started_at)}"
