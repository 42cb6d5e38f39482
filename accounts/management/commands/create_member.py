"""Adds a member: `manage.py create_member --organization SLUG --email ADDRESS --name NAME --role member`."""

from argparse import ArgumentParser
from typing import Any

from django.db import transaction
from typing_extensions import override

from accounts.actors import actor_for_command
from accounts.management.base import OrganizationCommand, organization_with, person_with, refusals_told
from accounts.people.organizations import add_member
from accounts.policy import Role


class Command(OrganizationCommand):
    """Creates the account if there is none, and prints its first password once."""

    help = "Add a person to an organization. The password of a new account is printed on standard output, once."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the person, the organization and the role."""
        super().add_arguments(parser)
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--role", default=Role.MEMBER.value, choices=[role.value for role in Role])

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Add the member and print the password of a new account."""
        organization = organization_with(options["organization"])
        with refusals_told(), transaction.atomic():
            user, password = person_with(options["email"], options["name"])
            add_member(actor=actor_for_command(organization, "create_member"), user=user, role=Role(options["role"]))
        self.stdout.write(password or f"{user.email} already has an account and was added.")
