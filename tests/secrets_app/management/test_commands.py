"""`manage.py import_env` and `list_secrets`: for operators on the host."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from secrets_app.models import Secret, SecretValue
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def entered(monkeypatch, organization):
    def run(text, *more):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        call_command("import_env", "--organization", organization.slug, "--environment", "staging", *more)

    return run


def test_file_is_imported_and_no_value_is_printed(entered, capsys):
    entered(f"CRM_TOKEN={VALUE}\nPORT=5432\n", "--leave-out", "PORT", "--dry-run")
    assert not Secret.objects.exists()
    entered(f"CRM_TOKEN={VALUE}\nPORT=5432\n", "--leave-out", "PORT")
    printed = capsys.readouterr().out
    assert VALUE not in printed
    assert [line.split("\t")[:3] for line in printed.splitlines()[2:]] == [
        ["1", "CRM_TOKEN", "created"],
        ["2", "PORT", "skipped"],
    ]
    assert SecretValue.objects.get().environment == "staging"
    assert AuditEvent.objects.filter(actor_label="manage.py import_env").exists()


def test_a_refused_line_stores_nothing(entered):
    for more in ([], ["--dry-run"]):
        with pytest.raises(CommandError):
            entered(f"CRM_TOKEN={VALUE}\nSHORT=abc\n", *more)
    assert not Secret.objects.exists()


def test_secrets_are_listed_without_values(organization, owner, capsys):
    store_secret(owner)
    call_command("list_secrets", "--organization", organization.slug)
    heads, row = capsys.readouterr().out.splitlines()
    assert heads.split("\t") == ["name", "status", "development", "staging", "production", "uses"]
    assert row.split("\t") == ["crm.apiKey", "active", "set", "set", "set", "0"]
    with pytest.raises(CommandError, match="No organization has the slug nowhere"):
        call_command("list_secrets", "--organization", "nowhere")
