"""Undo what a test's case writes, so that the next case finds the same rows without building them again."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core import mail
from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Roll back what the block writes, and forget the mails that it sends."""
    sent = len(mail.outbox)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    del mail.outbox[sent:]


def failures(cases, attempt) -> dict[str, str]:
    """Try each case and undo it.

    Args:
        cases: names or rows of a table, one a case.
        attempt: a function of one case, which asserts.

    Returns:
        What was raised, by the case's name; empty when each case passes.
    """
    wrong = {}
    for case in cases:
        with undone():
            try:
                attempt(case)
            except Exception as error:
                wrong[" ".join(case) if isinstance(case, tuple) else case] = repr(error)
    return wrong
