"""The site of the Django admin: who is admitted, and lists whose cost does not grow with the table.

Staff sign in like everybody else and need a second factor. A change also asks for a recent proof. The admin's own pages
for passwords and signing out are removed, because the product has them.
"""

import functools
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import cached_property
from typing_extensions import override

from accounts.access.requests import CofferRequest
from accounts.access.second_factors import has_second_factor
from accounts.access.step_up import Proof, missing_proof

COUNTED_AT_MOST = 2000
"""The number of rows of a list that paging reaches; staff find other rows by searching."""
SAFE = {"GET", "HEAD", "OPTIONS"}
LEFT_OUT = {"password_change", "password_change_done"}
View = Callable[..., HttpResponseBase]


class StaffSite(admin.AdminSite):
    """The Django admin for active staff with a second factor."""

    site_header = site_title = "Coffer administration"
    index_title = "What staff may see"
    enable_nav_sidebar = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Remove the action that deletes the selected rows."""
        super().__init__(*args, **kwargs)
        self.disable_action("delete_selected")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the person is active staff with a second factor.

        A page asks for each model that it names, so the request keeps the answer about the factor.
        """
        user = request.user
        if not (user.is_active and user.is_staff and user.pk):
            return False
        kept: dict[UUID, bool] = vars(request).setdefault("second_factors", {})
        if user.pk not in kept:
            kept[user.pk] = has_second_factor(user.pk)
        return kept[user.pk]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the product's sign-in, or tell staff without a second factor that they need one."""
        if request.user.is_active and request.user.is_staff and not self.has_permission(request):
            return render(request, "admin/second_factor_needed.html", status=403)
        return secure_admin_login(super().login)(request, extra_context)

    def admin_view(self, view: View, cacheable: bool = False) -> Any:
        """Ask for a recent proof before a form is accepted, as the product's actions do (`accounts.access.step_up`)."""

        @functools.wraps(view)
        def proven(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            missing = None if request.method in SAFE else missing_proof(cast("CofferRequest", request), Proof.ACT)
            return missing or view(request, *args, **kwargs)

        return super().admin_view(proven, cacheable)

    @override
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Redirect to the product's page."""
        return redirect("account_logout")

    def get_urls(self) -> list[Any]:
        """Return the admin's URLs without those that the product replaces."""
        return [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in LEFT_OUT]


class BoundedPaginator(Paginator):
    """Counts no further than `COUNTED_AT_MOST`, so that a list of a million rows opens as fast as one of a thousand."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        """The number of rows, or `COUNTED_AT_MOST` if there are more."""
        return self.object_list.order_by()[:COUNTED_AT_MOST].count()
