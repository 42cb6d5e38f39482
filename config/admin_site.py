"""The Django admin with the site of staff in the place of Django's own."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Every `@admin.register` registers with this site."""

    default_site = "accounts.staff.site.StaffSite"
