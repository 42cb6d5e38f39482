"""Files with credentials that other tools read wrongly: what each one stores, and what is told and not stored."""

import pytest

from tests.fixtures.api import Caller
from tests.support.databases.stored_values import values_by_name
from tests.support.databases.undone import failures
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

PEM = "-----BEGIN PRIVATE KEY-----\nMIICinventedline1\nMIICinventedline2\n-----END PRIVATE KEY-----"
READ = {
    "E01 plain": ("BASIC=basic-value-1", {"BASIC": "basic-value-1"}),
    "E01 blanks around": ("SPACED_KEY =   parsed-value-1  ", {"SPACED_KEY": "parsed-value-1"}),
    "E01 single quotes": ("SINGLE='single_quotes'", {"SINGLE": "single_quotes"}),
    "E01 blanks inside quotes": ("PADDED='    single quotes    '", {"PADDED": "    single quotes    "}),
    "E01 double in single quotes": ("MIXED='double \"quotes\" work'", {"MIXED": 'double "quotes" work'}),
    "E01 single in double quotes": ("MIXED=\"single 'quotes' work\"", {"MIXED": "single 'quotes' work"}),
    "E01 backticks": ("TICKS=`back'ticks\"`", {"TICKS": "back'ticks\""}),
    "E01 break written out in double quotes": ('EXPAND="expand\\nnew\\nlines"', {"EXPAND": "expand\nnew\nlines"}),
    "E01 break written out without quotes": ("DONT=dontexpand\\nnewlines", {"DONT": "dontexpand\\nnewlines"}),
    "E01 note behind": ("INLINE=inline-value # work #very #well", {"INLINE": "inline-value"}),
    "E01 note behind quotes": ("INLINE='inline #outside' # work", {"INLINE": "inline #outside"}),
    "E01 equal signs": ("EQUALS=equals==inside", {"EQUALS": "equals==inside"}),
    "E01 JSON": ('RETAIN={"foo": "bar-value"}', {"RETAIN": '{"foo": "bar-value"}'}),
    "E01 e-mail": ("USERNAME=therealnerdybeast@example.tld", {"USERNAME": "therealnerdybeast@example.tld"}),
    "E02": ("DB_SECRET=kT7#pq9Zx-long", {"DB_SECRET": "kT7#pq9Zx-long"}),
    "E04": (f'KEY="{PEM}"', {"KEY": PEM}),
    "E09": ('PASSWORD="abcd$defgh"', {"PASSWORD": "abcd$defgh"}),
    "E13": ('VAR1="word1\\\\n word2"', {"VAR1": "word1\\n word2"}),
    "E14": (
        "PLACE=C:\\Users\\nina\\temp\nENDS='C:\\data\\'\nNEXT=sentinel-1",
        {"PLACE": "C:\\Users\\nina\\temp", "ENDS": "C:\\data\\", "NEXT": "sentinel-1"},
    ),
    "E17": ('CFG="{\\"k\\": 1234}"', {"CFG": '{"k": 1234}'}),
    "E19": ('SOME={"a":"x", "b": "goes on#after"}', {"SOME": '{"a":"x", "b": "goes on#after"}'}),
    "E20": ('JSONV=`{\n  "a": 1,\n  "b": 2\n}`', {"JSONV": '{\n  "a": 1,\n  "b": 2\n}'}),
    "E23": (
        '\ufeffFIRST=first-value\r\nMULTI="line one\r\nline two"\r\n',
        {"FIRST": "first-value", "MULTI": "line one\nline two"},
    ),
    "E25": ('TEST_ENV=\nSECRET="" # note\nLAST=last-value', {"LAST": "last-value"}),
    "E27": ("export\tTABBED=tab-separated-1", {"TABBED": "tab-separated-1"}),
    "E32": ('K="pass #1word" # note', {"K": "pass #1word"}),
}
REFUSED = {
    "E06": (f"export PRIVATE_KEY={PEM}\nAFTER_KEY=value-after-it", 1),
    "E22": (
        'GOOGLE_CREDS={"type": "service_account",\n "private_key": "invented=="\n}\nNEXT=value-of-the-next',
        2,
    ),
    "E27": ("export TABBED=tab-separated-1\nexport ALREADY_SET\n", 2),
}


@pytest.fixture
def send(owner):
    caller = Caller(key_for(owner))

    def call(text, **fields):
        body = {"environment": "staging", "dotenv": text, "dry_run": False, "allow_short": True, **fields}
        return caller.post("/secrets/import", body)

    return call


def test_what_a_file_means_is_stored(send):
    def arrives(case):
        text, expected = READ[case]
        refused = [line["name"] for line in send(text, dry_run=True)["refused"] if line["name"]]
        send(text, leave_out=refused)
        assert values_by_name() == expected

    assert failures(READ, arrives) == {}


def test_lines_that_cannot_be_read_are_told_and_nothing_of_the_file_is_stored(owner, send):
    caller = Caller(key_for(owner))

    def told(case):
        text, line = REFUSED[case]
        body = {"environment": "staging", "dotenv": text, "dry_run": False}
        answer = caller.call("POST", "/secrets/import", body)
        assert answer.status_code == 422
        assert line in [refused["line"] for refused in send(text, dry_run=True)["refused"]]
        assert not any(part in answer.content for part in (b"MIIC", b"invented=="))
        assert values_by_name() == {}

    assert failures(REFUSED, told) == {}


def test_e26_a_second_import_replaces_and_makes_nothing_twice(send):
    send("A_KEY=value-of-a\nB_KEY=value-of-b\n")
    again = send("A_KEY=value-of-a\nB_KEY=another-value-of-b\n")
    assert [line["name"] for line in again["replaced"]] == ["A_KEY", "B_KEY"]
    assert again["created"] == []
    assert values_by_name() == {"A_KEY": "value-of-a", "B_KEY": "another-value-of-b"}
