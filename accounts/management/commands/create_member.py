"""Adds a member: `manage.py create_member --organization SLUG --email ADDRESS --name NAME --role member`."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from typing_extensions import override

from accounts.actors import actor_for_command
from accounts.errors import Refusal
from accounts.management.base import OperatorCommand
from accounts.models import Organization, User
from accounts.people.organizations import add_member
from accounts.people.people import create_person
from accounts.policy import Role


class Command(OperatorCommand):
    """Creates the account if there is none, and prints its first password once."""

    help = "Add a person to an organization. The password of a new account is printed on standard output, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the person, the organization and the role."""
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--role", default=Role.MEMBER.value, choices=[role.value for role in Role])

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Add the member and print the password of a new account."""
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"No organization has the slug {options['organization']}.")
        password, email = "", User.objects.normalize_email(options["email"])
        try:
            with transaction.atomic():
                user = User.objects.filter(email=email).first()
                if user is None:
                    password = secrets.token_urlsafe(12)
                    user = create_person(email=email, name=options["name"], password=password)
                add_member(
                    actor=actor_for_command(organization, "create_member"), user=user, role=Role(options["role"])
                )
        except Refusal as refusal:
            raise CommandError("; ".join(error.message for error in refusal.errors) or refusal.detail) from None
        self.stdout.write(password or f"{email} already has an account and was added.")
