"""Undoing of escapes: right on good input, harmless on hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_app.redaction.encodings import _unescape_html, _unescape_json, decoded_views, without_blanks


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (rb"\u0041\u00e9", "Aé".encode()),
        (rb"\u00E9", "é".encode()),
        (rb"\ud83d\udd11", "🔑".encode()),
        (rb"\uD83D\uDD11", "🔑".encode()),
        (rb"\ud83d", b"\xed\xa0\xbd"),
        (rb"a\/b\"c\\d\'", b"a/b\"c\\d'"),
        (rb"\n\t\r\b\f", b"\n\t\r\b\f"),
        (rb"\x41\xc3\xa9", "Aé".encode()),
        (rb"\u00", rb"\u00"),
        (rb"\q", rb"\q"),
        (rb"\\u0041", rb"\u0041"),
    ],
)
def test_json_escapes_are_undone(written, meant):
    assert _unescape_json(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"&amp;&lt;&gt;&quot;&apos;", b"&<>\"'"),
        (b"&ampx&ltx", b"&x<x"),
        (b"&sol;&lowbar;&period;", b"/_."),
        (b"&#65;&#065;&#0000000000065;&#65", b"AAAA"),
        (b"&#x41;&#X41;&#x0041;&#xe9;", "AAAé".encode()),
        (b"&#9999999;", b"&#9999999;"),
        (b"&#12345678;", b"&#12345678;"),
        (b"&nosuchname;", b"&nosuchname;"),
        (b"&#;&#x;&;", b"&#;&#x;&;"),
        (b"&#xd800;", b"\xed\xa0\x80"),
        (b"&#38;#65;", b"&#65;"),
    ],
)
def test_html_escapes_are_undone(written, meant):
    assert _unescape_html(written) == meant


def test_white_space_and_invisible_characters_are_removed():
    assert without_blanks("a b\tc\r\nd\u00a0e\u200bf\u2060g\ufeffh\u00adi\0j\u3000k".encode()) == b"abcdefghijk"


def test_a_plain_body_has_no_views():
    assert list(decoded_views(b"plain")) == []


def test_two_layers_are_undone_and_not_three():
    once, twice, thrice = b"%41", b"%2541", b"%252541"
    assert b"A" in decoded_views(once)
    assert b"A" in decoded_views(twice)
    assert b"A" not in decoded_views(thrice)


def test_layers_of_different_kinds_are_undone():
    assert b"A/B" in decoded_views(rb"\u0041%2fB")
    assert b"A/B" in decoded_views(rb"&#92;u0041/B")
    assert b"a b" in decoded_views(b"a%2Bb")


@given(st.binary(max_size=200) | st.from_regex(rb"[&#x;%u0-9a-f\\+ ]{0,60}"))
def test_no_bytes_break_a_decoder(body):
    assert body not in list(decoded_views(body))
