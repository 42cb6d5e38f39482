"""Creates an organization with its owner: `manage.py create_organization --name NAME --owner ADDRESS`."""

from argparse import ArgumentParser
from typing import Any

from django.db import transaction
from typing_extensions import override

from accounts.management.base import OperatorCommand, person_with, refusals_told
from accounts.people.organizations import create_organization


class Command(OperatorCommand):
    """Prints the slug, which other commands take, and the first password of a new account on a second line."""

    help = "Create an organization. Its slug is printed on standard output, and the password of a new account, once."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the organization and its owner."""
        parser.add_argument("--name", required=True)
        parser.add_argument("--owner", required=True, metavar="ADDRESS", help="The owner's e-mail address.")
        parser.add_argument("--owner-name", default="")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Create both and print the slug."""
        with refusals_told(), transaction.atomic():
            owner, password = person_with(options["owner"], options["owner_name"])
            organization = create_organization(user=owner, name=options["name"])
        self.stdout.write(organization.slug)
        if password:
            self.stdout.write(password)
