"""What the commands of operators have in common."""

from django.core.management.base import BaseCommand


class OperatorCommand(BaseCommand):
    """A command that starts quickly: it does without Django's system checks, which import every page and endpoint.

    `make lint`, `manage.py migrate`, `check --deploy` and the start of `make run` make the checks.
    """

    requires_system_checks = ()
