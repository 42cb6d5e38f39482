"""Files with credentials as people have them, imported through the API."""

import pytest

from tests.fixtures.api import Caller
from tests.support.databases.stored_values import values_by_name
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

PEM = r"-----BEGIN PRIVATE KEY-----\nMIICinvented\n-----END PRIVATE KEY-----"
FIREBASE = f"FIREBASE_PRIVATE_KEY={PEM}\n"
COMPOSED = (
    'PGUSER="planeuser"\nPGPASSWORD="planepass1"\nDATABASE_URL=postgresql://${PGUSER}:${PGPASSWORD}@db/plane\n'
    'KEPT="costs \\${PGUSER} \\$5"\nLITERAL=\'${PGUSER}\'\nUNKNOWN_ONE="${ELSEWHERE}-suffix"\n'
)
SETTINGS = (
    "APP_DEBUG=true\nMAIL_PORT=587\nAPP_ENV=local\nMAIL_ENCRYPTION=null\nDB_PORT=3306\n"
    "DB_PASSWORD=kT7pq9Zx-long\nAPP_KEY=base64:3mP9vQ7yL2xK8wN4\n"
)


@pytest.fixture
def send(owner):
    caller = Caller(key_for(owner))

    def call(text, **fields):
        return caller.post("/secrets/import", {"environment": "staging", "dotenv": text, "dry_run": False, **fields})

    return call


def test_e07_key_on_one_line_is_read_and_its_written_out_breaks_are_told(send):
    assert [warning["code"] for warning in send(FIREBASE)["created"][0]["warnings"]] == ["escaped_line_breaks"]
    assert values_by_name() == {"FIREBASE_PRIVATE_KEY": PEM}


def test_e07_key_without_an_end_is_told(send):
    refused = send("A_KEY=-----BEGIN PRIVATE KEY-----\nMIIC\nB_KEY=value-of-b\n", dry_run=True)["refused"]
    assert [(line["line"], line["name"]) for line in refused] == [(1, "A_KEY")]
    assert "END" in refused[0]["reason"]


def test_e11_references_are_told_and_stay(send):
    created = {line["name"]: line for line in send(COMPOSED)["created"]}
    assert created["DATABASE_URL"]["references"] == ["PGUSER", "PGPASSWORD"]
    assert "${PGUSER}, ${PGPASSWORD} as written" in created["DATABASE_URL"]["note"]
    assert created["KEPT"]["references"] == created["LITERAL"]["references"] == []
    assert values_by_name()["DATABASE_URL"] == "postgresql://${PGUSER}:${PGPASSWORD}@db/plane"


def test_e11_references_are_filled_in_where_asked_for(send):
    created = {line["name"]: line for line in send(COMPOSED, fill_references=True)["created"]}
    assert created["UNKNOWN_ONE"]["references"] == ["ELSEWHERE"]
    assert "this text does not have it" in created["UNKNOWN_ONE"]["note"]
    assert values_by_name() == {
        "PGUSER": "planeuser",
        "PGPASSWORD": "planepass1",
        "DATABASE_URL": "postgresql://planeuser:planepass1@db/plane",
        "KEPT": "costs ${PGUSER} $5",
        "LITERAL": "${PGUSER}",
        "UNKNOWN_ONE": "${ELSEWHERE}-suffix",
    }


@pytest.mark.parametrize(
    "text",
    [
        "A_KEY=x${B_KEY}\nB_KEY=y${A_KEY}\n",
        "A_KEY=x${A_KEY}\n",
        "".join(f"K{n}=${{K{n - 1}}}${{K{n - 1}}}ab\n" for n in range(30)),
    ],
    ids=["circle", "itself", "doubling"],
)
def test_e11_references_without_an_end_are_refused(owner, text):
    caller = Caller(key_for(owner))
    body = {"environment": "staging", "dotenv": text, "dry_run": True, "fill_references": True}
    assert caller.errors("POST", "/secrets/import", body) == ["dotenv"]


def test_e16_apostrophe_in_single_quotes(send):
    send("MESSAGE='Let\\'s go now!'\nENDS='C:\\data\\'\nNEXT='sentinel-1'\n", allow_short=True)
    assert values_by_name() == {"MESSAGE": "Let's go now!", "ENDS": "C:\\data\\", "NEXT": "sentinel-1"}


def test_e31_settings_can_be_left_out(send):
    planned = send(SETTINGS, dry_run=True)
    settings = [line["name"] for line in (*planned["created"], *planned["refused"]) if line["looks_like_setting"]]
    assert settings == ["APP_DEBUG", "MAIL_PORT", "APP_ENV", "MAIL_ENCRYPTION", "DB_PORT"]
    done = send(SETTINGS, leave_out=settings, names={"DB_PASSWORD": "db.password"})
    assert [line["name"] for line in done["created"]] == ["db.password", "APP_KEY"]
    assert [line["reason"] for line in done["skipped"]] == [
        "It is left out: the value looks like a setting, not like a credential."
    ] * 5
    assert set(values_by_name()) == {"db.password", "APP_KEY"}


LINES = {
    "batch": "set FIREBASE_TOKEN=1//invented-token",
    "batch with quotes": 'set "FIREBASE_TOKEN=1//invented-token"',
    "PowerShell": '$env:FIREBASE_TOKEN="1//invented-token"',
    "PowerShell with blanks": "$env:FIREBASE_TOKEN = '1//invented-token'",
    "declare": 'declare -x FIREBASE_TOKEN="1//invented-token"',
    "Dockerfile": "ENV FIREBASE_TOKEN=1//invented-token",
    "YAML": 'FIREBASE_TOKEN: "1//invented-token"',
    "list of YAML": "      - FIREBASE_TOKEN=1//invented-token",
    "indented YAML": "    FIREBASE_TOKEN: 1//invented-token # note",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_e36_lines_of_other_tools(send, line):
    send(f"{line}\nNEXT_KEY=value-of-the-next\n")
    assert values_by_name() == {"FIREBASE_TOKEN": "1//invented-token", "NEXT_KEY": "value-of-the-next"}


def test_e36_backslashes_of_windows_stay(send):
    send('$env:CONFIG_DIR="C:\\new\\tools"\n')
    assert values_by_name() == {"CONFIG_DIR": "C:\\new\\tools"}


def test_e36_block_of_yaml_is_told(send):
    refused = send("A_KEY: |\n  first=line\n  second\nB_KEY: value-of-b\n", dry_run=True)
    assert [(line["line"], line["name"]) for line in refused["refused"]] == [(1, "A_KEY")]
    assert [line["name"] for line in refused["created"]] == ["B_KEY"]


def test_v01_line_break_at_the_end_is_in_the_answer(owner):
    caller = Caller(key_for(owner))
    created = caller.post("/secrets", {"name": "mail.key", "value": "SG.key-here-12345\n"})
    assert [(each["code"], each["field"]) for each in created["warnings"]] == [("line_break", "value")]
    changed = caller.patch(f"/secrets/{created['id']}", {"values": {"staging": "Bearer abcdef-123456"}})
    assert [(each["code"], each["field"]) for each in changed["warnings"]] == [("scheme", "values.staging")]
