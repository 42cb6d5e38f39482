"""Base classes of the pages of the Django admin: read-only, bounded, and records of one organization at a time."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, Q, QuerySet, UUIDField
from django.http import HttpRequest
from django.utils import timezone
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


def in_words(column: str, heading: str, say: Callable[[Any], str]) -> Callable[[Any, Any], str]:
    """Return a column of a list or page that says what a stored value means.

    Args:
        say: gets the stored value, which is not empty.
    """

    @admin.display(description=heading, ordering=column)
    def shown(_modeladmin: Any, row: Any) -> str:
        stored = getattr(row, column)
        return say(stored) if stored not in (None, "", [], {}) else "–"  # noqa: RUF001 - the dash of an empty cell

    return shown


def as_text(data: Any) -> str:
    """Return JSON over several lines, as people read it."""
    return json.dumps(data, ensure_ascii=False, indent=2)


class ReadOnlyAdmin(admin.ModelAdmin):
    """A model that staff may view but not change. Every subclass lists `fields` and `list_display` explicitly."""

    actions: Any = None
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # facets count the rows of every choice
    list_per_page = 50
    list_max_show_all = 50

    search_help_text = "Part of a name, or a whole id."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by `search_fields`, or for the row that has the id."""
        own = as_id(search_term.strip()) if isinstance(self.model._meta.pk, UUIDField) else None
        return (queryset.filter(pk=own), False) if own else super().get_search_results(request, queryset, search_term)

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
    search_help_text = "An id; or, once an organization is chosen, an exact name."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for exact values only; a search for a part of a name would read every row.

        An id that only one row can have is found in every organization while none is chosen.
        """
        text = search_term.replace("\0", "").strip()
        if not text:
            return queryset, False
        found = self.named(text).order_by(*self.ordering or ())
        if not as_id(request.GET.get(ORGANIZATION, "")):
            return found, False
        ids = list(found.values_list("pk", flat=True)[: self.list_per_page])
        return (queryset.filter(pk__in=ids) if ids else self.search(request, queryset, text)), False

    def named(self, text: str) -> QuerySet[Any]:
        """Return the rows of any organization that this id names."""
        own = as_id(text)
        return self.model._default_manager.filter(pk=own) if own else self.model._default_manager.none()

    def search(self, _request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Return the rows in which one of `search_fields` equals this text."""
        return queryset.filter(Q.create([(field, text) for field in self.search_fields], connector=Q.OR))


class KeyStateFilter(admin.SimpleListFilter):
    """Chooses keys by what became of them."""

    title = parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the states."""
        return [
            (state, state.replace("_", " ").capitalize()) for state in ("in_force", "suspended", "expired", "revoked")
        ]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the keys in this state; a revoked key is nothing else."""
        is_over, is_suspended = Q(expires_at__lte=timezone.now()), Q(suspended_at__isnull=False)
        states = {
            "in_force": Q(revoked_at=None) & ~is_over & ~is_suspended,
            "suspended": Q(revoked_at=None) & ~is_over & is_suspended,
            "expired": Q(revoked_at=None) & is_over,
            "revoked": Q(revoked_at__isnull=False),
        }
        return queryset.filter(states.get(self.value() or "", Q()))


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
