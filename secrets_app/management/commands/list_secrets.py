"""Lists secrets: `manage.py list_secrets --organization SLUG`."""

from typing import Any

from typing_extensions import override

from accounts.common.environments import Environment
from accounts.common.paging import LARGEST_LIMIT
from accounts.management.base import OrganizationCommand, all_pages, organization_with
from secrets_app.inventory import inventory
from secrets_app.inventory.inventory import InventoryFilters


class Command(OrganizationCommand):
    """Prints names and states, separated by tabs: never a value."""

    help = "List the secrets of an organization: name, status, the state in each environment, and the number of uses."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each secret, and for each name that is used and does not exist."""
        organization = organization_with(options["organization"])
        self.stdout.write("\t".join(["name", "status", *Environment, "uses"]))
        for row in all_pages(
            lambda cursor: inventory.page(organization, InventoryFilters(), cursor=cursor, limit=LARGEST_LIMIT)
        ):
            states = [row.environments[environment].state for environment in Environment]
            self.stdout.write("\t".join([row.name, row.status, *states, str(row.usage_count)]))
