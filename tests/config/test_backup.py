"""The drill of docs/backup.md, word by word, on both databases; and what `backup` and `restore_check` refuse."""

import os
import re
import stat
import subprocess
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.common.environments import Environment
from config.copying import backup
from config.copying.errors import CannotCopy
from secrets_app.editing.secrets import create_secret
from secrets_app.models import OrganizationKey
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring
from tests import postgres
from tests.environment import MASTER_KEY
from tests.support.source import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "backup.md").read_text(), re.MULTILINE | re.DOTALL)
VALUE = "a-value-that-nobody-reads-in-a-backup"


@pytest.fixture
def secret(owner):
    return create_secret(actor=owner, name="crm.apiKey", values={Environment.STAGING: Plaintext(VALUE)})


def address_of(name):
    """The DATABASE_URL of another database of this server, or of a file."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def done(block, folder, database):
    """Run a block of the page, with its folders below `folder`, in an installation with this database; its output."""
    script = block.replace("/var/backups/coffer", str(folder)).replace(" var/", f" {folder}/")
    script = script.replace("coffer_restored", f"coffer_restored_{os.getpid()}")
    params = connection.get_connection_params() if connection.vendor == "postgresql" else {}
    of_libpq = {"PGHOST": params.get("host"), "PGUSER": params.get("user"), "PGPASSWORD": params.get("password")}
    path = f"{postgres.binaries()}:{os.environ['PATH']}"
    variables = {**os.environ, **{name: text for name, text in of_libpq.items() if text}}
    variables |= {"DATABASE_URL": database, "CACHE_URL": "dbcache://coffer_cache", "PATH": path}
    shell = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert shell.returncode == 0, shell.stdout + shell.stderr
    return shell.stdout


@pytest.fixture
def restored(tmp_path):
    """The address of the database that the page restores into."""
    if connection.vendor == "sqlite":
        yield address_of(tmp_path / "coffer.sqlite3")
        return
    yield address_of(f"coffer_restored_{os.getpid()}")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS coffer_restored_{os.getpid()} WITH (FORCE)")


def test_drill_of_the_page(secret, tmp_path, restored):
    done(BLOCKS[0], tmp_path, address_of(connection.settings_dict["NAME"]))
    file = tmp_path / "today"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for hidden in (MASTER_KEY.encode(), b64decode(MASTER_KEY), VALUE.encode()):
        assert hidden not in file.read_bytes()
    told = done(BLOCKS[1 if connection.vendor == "sqlite" else 2], tmp_path, restored)
    assert f"All {OrganizationKey.objects.count()} data keys open with the master keys test." in told
    assert "harbor-clinics: 1 entries, intact." in told


def test_what_does_not_open_is_told_with_the_master_key_that_would(secret, monkeypatch, request):
    request.addfinalizer(keyring.load)
    monkeypatch.setenv("COFFER_MASTER_KEYS", f"other:env:{b64encode(bytes(range(32))).decode()}")
    keyring.load()
    with pytest.raises(CommandError, match=r"harbor-clinics: Data key .* needs the master key test, which"):
        call_command("restore_check")
    monkeypatch.undo()
    keyring.load()
    secret.values.update(sealed=bytes(60))
    with pytest.raises(CommandError, match="opens, but its oldest value does not"):
        call_command("restore_check")


def test_backup_replaces_nothing_and_leaves_no_part(tmp_path, monkeypatch):
    file = tmp_path / "there"
    file.write_text("kept")
    with pytest.raises(CommandError, match=r"cannot be created: File exists. Name a new file"):
        call_command("backup", to=file)
    assert file.read_text() == "kept"

    def torn(part):
        part.write_text("half")
        raise CannotCopy("The disk is full.")

    monkeypatch.setattr(backup, "_copy_sqlite", torn)
    monkeypatch.setattr(backup, "_dump_postgresql", torn)
    with pytest.raises(CommandError, match="disk is full"):
        call_command("backup", to=tmp_path / "new")
    assert list(tmp_path.iterdir()) == [file]
