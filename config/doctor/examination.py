"""The examination as a whole, from what needs nothing to what needs the database."""

import os
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError, connection

from config.configuration.registry import misspelt
from config.configuration.unreachable import why_unreachable
from config.doctor import database, host
from config.doctor.diagnosis import Diagnosis
from config.doctor.mail import mail_server


def examine() -> Iterator[Diagnosis]:
    """Return what is wrong or worth knowing. What needs the database is left out if it cannot be used."""
    yield from (Diagnosis("settings", sentence) for sentence in misspelt(os.environ))
    yield from host.findings()
    yield from mail_server()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as fault:
        yield Diagnosis("database", why_unreachable(fault))
        return
    yield from database.findings()
