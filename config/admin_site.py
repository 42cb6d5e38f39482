"""The Django admin with `StaffSite` as its default site."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Makes every `@admin.register` use `StaffSite`."""

    default_site = "accounts.staff.site.StaffSite"
