"""Route permissions of ninja's own views."""

from typing import Any

from ninja import NinjaAPI

from accounts.access.route_permissions import PUBLIC, set_permission

DESCRIPTION_ROUTES = {"openapi-json", "openapi-view", "api-root"}


def api_urls(api: NinjaAPI) -> tuple[list[Any], str, str]:
    """Return `api.urls` for `path()`. The API does not use sessions: its own authentication checks the key.

    The description of the API is public, because it is the same everywhere and says nothing about an installation.
    """
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        view: Any = pattern.callback
        view.login_required = False
        if pattern.name in DESCRIPTION_ROUTES:  # type: ignore[union-attr, operator]
            set_permission(view, PUBLIC)
    return patterns, app_name, namespace
