"""The API's routes among the others: each of ninja's own views gets its permission here."""

from typing import Any

from ninja import NinjaAPI

from accounts.access.route_permissions import PUBLIC, set_permission

DESCRIPTION_ROUTES = {"openapi-json", "openapi-view", "api-root"}


def api_urls(api: NinjaAPI) -> tuple[list[Any], str, str]:
    """`api.urls` for `path()`. Sessions play no part: keys are checked by the API's own authentication.

    The description of the API is public: it is the same for everybody and says nothing about an installation.
    """
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        view: Any = pattern.callback
        view.login_required = False
        if pattern.name in DESCRIPTION_ROUTES:  # type: ignore[union-attr, operator]
            set_permission(view, PUBLIC)
    return patterns, app_name, namespace
