"""The two roles of docs/postgresql.md: Coffer works with one that owns nothing and cannot change the audit log."""

import re

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.audit import chain
from accounts.common.environments import Environment
from accounts.models import AuditEvent
from secrets_app.editing.deleting import delete_secret
from secrets_app.editing.secrets import create_secret
from secrets_app.plaintext import Plaintext
from tests.support.source import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

FORBIDDEN = [
    "UPDATE accounts_auditevent SET actor_label = 'Somebody else'",
    "DELETE FROM accounts_auditevent",
    "TRUNCATE accounts_auditevent",
    "DROP TRIGGER audit_event_no_change ON accounts_auditevent",
    "ALTER TABLE accounts_auditevent DISABLE TRIGGER ALL",
    "CREATE OR REPLACE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
    "DROP TABLE accounts_auditevent",
    "DELETE FROM django_migrations",
    "SET session_replication_role = replica",
]


@pytest.fixture
def as_application(owner):
    """The statements of the page, word by word; the rest of the test is done by the role that they name."""
    page = (ROOT / "docs" / "postgresql.md").read_text()
    grants = re.search(r"```sql\n(GRANT.*?)```", page, re.DOTALL).group(1)
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE coffer_app")
        cursor.execute(grants)
        cursor.execute("SET LOCAL ROLE coffer_app")


def test_coffer_works_and_nobody_changes_the_log(as_application, owner, client):
    secret = create_secret(actor=owner, name="crm.apiKey", values={Environment.STAGING: Plaintext("a-value-of-16-ch")})
    delete_secret(actor=owner, secret_id=secret.pk)
    assert AuditEvent.objects.count() >= 2
    assert chain.verify(owner.organization.pk).findings == []
    assert client.get("/readyz").status_code == 200
    for statement in FORBIDDEN:
        refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
