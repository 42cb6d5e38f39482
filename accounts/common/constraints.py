"""Database constraints in error messages."""

from django.db import IntegrityError


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether the error is about this constraint. Both databases name it; the message is not passed on."""
    return constraint in str(error)
