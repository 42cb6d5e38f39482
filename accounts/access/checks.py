"""A system check that fails for a route without a permission (docs/security-rules.md, "Requests")."""

import inspect
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.access.route_permissions import permission_of

STAFF_NAMESPACE = "admin"


def routes(
    resolver: URLResolver | None = None, prefix: str = "", *, staff: bool = False
) -> Iterator[tuple[str, Any, bool]]:
    """Yield every page route as (path pattern, view, whether it is part of the Django admin)."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path, staff=staff or entry.namespace == STAFF_NAMESPACE)
        elif isinstance(entry, URLPattern):
            yield path, entry.callback, staff


def operations(view: Any) -> list[Any]:
    """Return the API operations of a route, or an empty list for a page. Ninja keeps them in the view's closure."""
    path_view = inspect.getclosurevars(view).nonlocals.get("self") if inspect.isfunction(view) else None
    return list(getattr(path_view, "operations", []))


@register()
def check_route_permissions(**_: object) -> list[CheckMessage]:
    """Report each route or API operation that has no route permission (E001).

    The Django admin is left out, because it checks permissions itself.
    """
    return [
        Error(
            f"The route {path!r} does not say who may use it.",
            hint="Use a decorator of accounts.access.route_permissions.",
            id="accounts.E001",
        )
        for path, view, staff in routes()
        if not staff and not _has_permission(view)
    ]


def _has_permission(view: Any) -> bool:
    if permission_of(view) is not None:
        return True
    found = operations(view)
    return bool(found) and all(permission_of(operation.view_func) is not None for operation in found)
