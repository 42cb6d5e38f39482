"""What the commands of operators have in common."""

import secrets
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.common.paging import Page
from accounts.errors import Refusal
from accounts.models import Organization, User
from accounts.people.people import create_person

Row = TypeVar("Row")


class OperatorCommand(BaseCommand):
    """A command that starts quickly: it does without Django's system checks, which import every page and endpoint.

    `make lint`, `manage.py migrate`, `check --deploy` and the start of `make run` make the checks.
    """

    requires_system_checks = ()


class OrganizationCommand(OperatorCommand):
    """A command about one organization, which `--organization SLUG` names."""

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the organization."""
        parser.add_argument("--organization", required=True, metavar="SLUG")


def organization_with(slug: str) -> Organization:
    """Return the organization with this slug.

    Raises:
        CommandError: there is none.
    """
    organization = Organization.objects.filter(slug=slug).first()
    if organization is None:
        raise CommandError(f"No organization has the slug {slug}.")
    return organization


def person_with(email: str, name: str) -> tuple[User, str]:
    """Return the person with this address, and the first password of an account that was just made for it, or "".

    Raises:
        Invalid: no account can be made for the address.
    """
    address = User.objects.normalize_email(email)
    if user := User.objects.filter(email=address).first():
        return user, ""
    password = secrets.token_urlsafe(12)
    return create_person(email=address, name=name, password=password), password


@contextmanager
def refusals_told() -> Iterator[None]:
    """Run the block; a refusal ends the command with its sentences.

    Raises:
        CommandError: a service refused.
    """
    try:
        yield
    except Refusal as refusal:
        raise CommandError("; ".join(error.message for error in refusal.errors) or refusal.detail) from None


def all_pages(fetch: Callable[[str], Page[Row]]) -> Iterator[Row]:
    """Return the rows of a list, page by page.

    Args:
        fetch: returns the page that a cursor leads to; an empty cursor is the first one's.
    """
    cursor: str | None = ""
    while cursor is not None:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next_cursor
