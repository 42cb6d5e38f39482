"""The text of a `.env` file: what is an entry, on which line, and why a line is none; linear whatever comes."""

import time

import pytest

from secrets_app.importing import dotenv
from secrets_app.importing.dotenv import BadLine, DotenvEntry, parse
from secrets_app.plaintext import Plaintext

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEcanary/+abc=\nMoreCanary==\n-----END PRIVATE KEY-----"


def read(text):
    """Line, name and value of each entry; line, name and reason of the others."""
    return [
        (item.line, item.name, item.value.expose() if isinstance(item, DotenvEntry) else item.reason)
        for item in parse(Plaintext(text))
    ]


ENTRIES = {
    "plain": ("A=b", [(1, "A", "b")]),
    "the second sign belongs to the value": ("A=b=c==", [(1, "A", "b=c==")]),
    "blanks around everything": ("  A  =  b c  ", [(1, "A", "b c")]),
    "export": ("export A=b\nexport\tB=c\nexported=d", [(1, "A", "b"), (2, "B", "c"), (3, "exported", "d")]),
    "comments and blank lines": ("# A=x\n\n   # B=y\nC=z", [(4, "C", "z")]),
    "comment behind white space": ("A=b # c\nB=b\t#c\nC=b#c", [(1, "A", "b"), (2, "B", "b"), (3, "C", "b#c")]),
    "value that begins with a number sign": ("A=#b\nB= #b", [(1, "A", "#b"), (2, "B", "")]),
    "single quotes take nothing out": (r"A='b\n$c # d'", [(1, "A", r"b\n$c # d")]),
    "backticks take nothing out": ("A=`b'\"\\n`", [(1, "A", "b'\"\\n")]),
    "escapes in double quotes": (r'A="b\n\t\r\"\'\`\\\$c\d"', [(1, "A", "b\n\t\r\"'`\\$c\\d")]),
    "backslash before the closing quote": (r'A="b\\" # c', [(1, "A", "b\\")]),
    "comment behind a quote": ("A='b'#c\nB=\"b\" # c", [(1, "A", "b"), (2, "B", "b")]),
    "quotes inside a value": ('A=it\'s "so"', [(1, "A", 'it\'s "so"')]),
    "blanks in quotes stay": ("A=' b '", [(1, "A", " b ")]),
    "several lines": (f"A='{KEY}'\nB=c", [(1, "A", KEY), (5, "B", "c")]),
    "several lines in double quotes": (
        'A="b\n# no comment\nC=d"\nE=f',
        [(1, "A", "b\n# no comment\nC=d"), (4, "E", "f")],
    ),
    "line breaks of Windows": ("A='b\r\nc'\r\nD=e\r\n", [(1, "A", "b\nc"), (3, "D", "e")]),
    "line breaks of old": ("A=b\rC=d", [(1, "A", "b"), (2, "C", "d")]),
    "byte order mark": ("\ufeffA=b", [(1, "A", "b")]),
    "nothing is expanded": ('A=${HOME}\nB=$(id)\nC="$A"', [(1, "A", "${HOME}"), (2, "B", "$(id)"), (3, "C", "$A")]),
    "names in quotes": ("'A'=b\n\"C\"=d", [(1, "A", "b"), (2, "C", "d")]),
    "names that we do not allow": ("2FA=b\nÜber key=d", [(1, "2FA", "b"), (2, "Über key", "d")]),
    "no value": ("A=\nB=''\nC=\"\"\nD=``", [(1, "A", ""), (2, "B", ""), (3, "C", ""), (4, "D", "")]),
    "no text": ("", []),
    "no line break at the end": ("A=b\nC='d'", [(1, "A", "b"), (2, "C", "d")]),
}


@pytest.mark.parametrize(("text", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_entries(text, expected):
    assert read(text) == expected


BAD = {
    "no sign": ("A=b\nsource ./other\nC=d", (2, "", dotenv.NO_SIGN)),
    "no name": ("=b", (1, "", dotenv.NO_NAME)),
    "address with a password": ("postgres://user:canary@host/db?ssl=1", (1, "", dotenv.ODD_NAME)),
    "line of base64": ("MIIEvQ/canary+abc==", (1, "", dotenv.ODD_NAME)),
    "name without end": (f"{'A' * 129}=b", (1, "", dotenv.ODD_NAME)),
    "key without quotes": (f"A={KEY}\nB=c", (1, "A", dotenv.NO_QUOTES)),
    "key without a name": (f"{KEY}\nB=c", (1, "", dotenv.NO_QUOTES)),
    "quote that is never closed": (f"A='{KEY}", (1, "A", dotenv.NOT_CLOSED)),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_lines_that_are_none(text, expected):
    found = read(text)
    assert expected in found
    assert [item for item in found if isinstance(item, BadLine)] in ([], [expected])
    assert not any("canary" in f"{name}{rest}" for _, name, rest in found)


def test_text_behind_a_closing_quote_names_the_line_of_the_quote():
    assert "closed in this line" in read("A='b' c")[0][2]
    assert "closed in line 3" in read("A='b\n\nc' d")[0][2]


def test_lines_below_an_unclosed_quote_are_not_read():
    assert [name for _, name, _ in read("A=b\nC='d\nE=f\nG=h")] == ["A", "C"]


def test_entry_does_not_show_its_value():
    assert "canary" not in repr(list(parse(Plaintext("A=canary"))))


MILLION = 1_000_000
HOSTILE = {
    "double quotes": '"' * MILLION,
    "unclosed double quote": 'A="' + "x" * MILLION,
    "unclosed after backslashes": 'A="' + "\\" * MILLION,
    "unclosed on each line": 'A="x\n' * (MILLION // 5),
    "three kinds unclosed": "A='\nB=\"\nC=`\n" * (MILLION // 12),
    "tabs inside a value": "A=x" + "\t" * MILLION + "y",
    "blanks and number signs": "A=x" + " #" * (MILLION // 2),
    "blanks behind export": "export" + " " * MILLION + "=1",
    "words before the sign": " x" * (MILLION // 2) + "=1",
    "headers of keys": "-----BEGIN x\n" * (MILLION // 13),
    "headers of keys as values": "A=-----BEGIN x\n" * (MILLION // 15),
    "line breaks": "\n" * MILLION,
    "short lines": "A=b\n" * (MILLION // 4),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_megabyte_of_anything_is_read_in_seconds(text):
    started = time.process_time()
    for _ in parse(Plaintext(text)):
        pass
    assert time.process_time() - started < 8


def test_size_is_counted_in_bytes():
    assert not dotenv.is_too_large(Plaintext("x" * dotenv.MAX_BYTES))
    assert dotenv.is_too_large(Plaintext("é" * (dotenv.MAX_BYTES // 2) + "x"))
    assert not dotenv.is_too_large(Plaintext("\ud800"))
