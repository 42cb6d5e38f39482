"""Which constraint a database refused for."""

from django.db import IntegrityError


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether the error is about this constraint. Both databases name it; the message goes no further than here."""
    return constraint in str(error)
