"""Base classes of the pages of the Django admin: read-only, bounded, and records of one organization at a time."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from typing_extensions import override

from accounts.access.client_addresses import client_address
from accounts.access.requests import signed_in_user
from accounts.actors import Actor, actor_for_staff
from accounts.models import Organization
from accounts.staff.site import BoundedPaginator

ORGANIZATIONS_OFFERED = 100
ORGANIZATION = "organization"


def staff_actor(request: HttpRequest, organization: Organization) -> Actor:
    """Return the signed-in member of staff as an actor of this organization."""
    return actor_for_staff(signed_in_user(request), organization, address=client_address(request))


class ReadOnlyAdmin(admin.ModelAdmin):
    """A model that staff may view but not change. Every subclass lists `fields` and `list_display` explicitly."""

    actions: Any = None
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # facets count the rows of every choice
    list_per_page = 50
    list_max_show_all = 50

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow everybody whom the site admits."""
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Allow everybody whom the site admits."""
        return self.has_view_permission(request)

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow nobody."""
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow nobody."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow nobody."""
        return False


class OrganizationFilter(admin.SimpleListFilter):
    """Chooses the organization whose rows to show. Without a choice the list is empty.

    Finding the newest rows of all organizations would read the whole table.
    """

    title = ORGANIZATION
    parameter_name = ORGANIZATION

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the first organizations by name, and the chosen one."""
        names = Organization.objects.order_by("name").values_list("pk", "name")
        chosen = as_id(self.value() or request.GET.get(ORGANIZATION, ""))
        found = dict(names[:ORGANIZATIONS_OFFERED]) | (dict(names.filter(pk=chosen)) if chosen else {})
        return [(str(organization_id), name) for organization_id, name in found.items()]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen organization."""
        chosen = as_id(self.value() or "")
        return queryset.filter(organization_id=chosen) if chosen else queryset.none()

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return Django's choices with "None" instead of "All", because without a choice no row is shown."""
        nothing, *organizations = super().choices(changelist)
        return iter([{**nothing, "display": "None"}, *organizations])


class RecordsAdmin(ReadOnlyAdmin):
    """A table that grows with every action or call.

    It is shown for one organization at a time and searched by exact names.
    """

    list_filter: ClassVar[Any] = (OrganizationFilter,)
    search_help_text = "An exact name or id. Choose an organization first."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for exact values only; a search for a part of a name would read every row."""
        text = search_term.replace("\0", "").strip()
        return (self.search(request, queryset, text) if text else queryset), False

    def search(self, _request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Return the rows in which one of `search_fields` equals this text."""
        return queryset.filter(Q.create([(field, text) for field in self.search_fields], connector=Q.OR))


def choice_filter(heading: str, column: str, offered: Iterable[tuple[str, str]]) -> type[admin.SimpleListFilter]:
    """Return a filter with fixed choices. Django's own would read the choices from the table."""
    choices = list(offered)

    class ChoiceFilter(admin.SimpleListFilter):
        title, parameter_name = heading, column

        @override
        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return choices

        @override
        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{column: self.value()}) if self.value() else queryset

    return ChoiceFilter


def records_of(site: admin.AdminSite) -> list[type[Model]]:
    """Return the models whose rows are shown for one organization at a time."""
    shown = [model for model in apps.get_models() if site.is_registered(model)]
    return [model for model in shown if isinstance(site.get_model_admin(model), RecordsAdmin)]


def as_id(text: str) -> UUID | None:
    """Return the UUID in a URL parameter, or None if it is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None
