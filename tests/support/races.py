"""What tests of concurrent acts assert."""

from django.db import connection


def assert_only(problems, *allowed):
    """Fail on anything but these refusals."""
    unexpected = [problem for problem in problems if problem is not None and not isinstance(problem, allowed)]
    assert unexpected == []


def count_dangling_references():
    """References whose secret is gone, or that missed a secret of their name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM integrations_secretreference r LEFT JOIN secrets_app_secret s ON s.id = r.secret_id "
            "WHERE r.secret_id IS NOT NULL AND s.id IS NULL"
        )
        gone = cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*) FROM integrations_secretreference r JOIN secrets_app_secret s "
            "ON s.name = r.name AND s.organization_id = r.organization_id WHERE r.secret_id IS NULL"
        )
        return gone + cursor.fetchone()[0]
