"""What an upstream echoes is cut out in every listed form, or the whole text is withheld."""

import base64
import json
import traceback
from urllib.parse import quote

import pytest

from secrets_app.redaction.redactor import MASK, Redactor
from tests.support.integrations.echoes import (
    FORMS,
    VALUE,
    b64,
    in_characters,
    in_units,
    mask,
    redactor,
)

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq/+hkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQC7\n-----END KEY-----\n"


ASCII_VALUE = VALUE.replace("é", "e")


@pytest.mark.parametrize("form", FORMS)
def test_every_listed_form_is_cut_out(form):
    echo = FORMS[form](ASCII_VALUE)
    masked = mask(redactor(ASCII_VALUE), f'{{"echo": "{echo}"}}')
    assert echo not in masked.text
    assert masked.text.startswith('{"echo": "')
    assert masked.text.endswith('"}')
    assert masked.text.count(MASK) == 1
    assert (masked.found, masked.withheld) == ({"name0"}, False)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith("UTF-16")])
def test_every_listed_form_of_a_value_beyond_ascii_is_cut_out(form):
    masked = mask(redactor(VALUE), f"[{FORMS[form](VALUE)}]")
    assert (masked.text.count(MASK), masked.found, masked.withheld) == (1, {"name0"}, False)


@pytest.mark.parametrize("form", [form for form in FORMS if "offset" not in form and "credential" not in form])
def test_a_form_of_the_value_alone_leaves_nothing_of_itself(form):
    masked = mask(redactor(ASCII_VALUE), f"<{FORMS[form](ASCII_VALUE)}>")
    assert masked.text in {f"<{MASK}>", f"<{MASK}=>", f"<{MASK}==>"}


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_base64_leaves_no_bits_of_the_value_at_its_edges(before):
    value = "\x7f" * 8  # between zero bits, so that a bit of the value that is left makes another letter than "A"
    masked = redactor(value).mask_bytes(base64.b64encode(before.encode() + value.encode() + bytes(3)))
    left, right = masked.text.split(MASK.encode())
    assert left == base64.b64encode(before.encode())[: 8 * len(before) // 6]
    assert set(right) <= set(b"A=")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-8"])
def test_bytes_in_other_encodings_are_cut_out(codec):
    masked = redactor(VALUE).mask_bytes(b"<" + VALUE.encode(codec) + b">")
    assert (masked.text, masked.found, masked.withheld) == (f"<{MASK}>".encode(), {"name0"}, False)


ONE_BYTE = {"latin-1": "pässwörd-ü-0815", "cp1252": "pässwörd-€-0815"}
WRITTEN = {
    "raw": bytes,
    "reversed": lambda raw: raw[::-1],
    "hex": lambda raw: raw.hex().encode(),
    "base64": base64.b64encode,
    "base64 of text at offset 1": lambda raw: base64.b64encode(b"x" + raw + b"tail"),
}


@pytest.mark.parametrize("codec", ONE_BYTE)
@pytest.mark.parametrize("form", WRITTEN)
def test_the_forms_of_a_one_byte_encoding_are_cut_out(codec, form):
    masked = redactor(ONE_BYTE[codec]).mask_bytes(b"<" + WRITTEN[form](ONE_BYTE[codec].encode(codec)) + b">")
    assert (masked.text.count(MASK.encode()), masked.found, masked.withheld) == (1, {"name0"}, False)


@pytest.mark.parametrize("template", ["%%%02x", r"\x%02x"])
def test_escapes_of_a_one_byte_encoding_withhold(template):
    echo = b"".join(template.encode() % byte for byte in ONE_BYTE["latin-1"].encode("latin-1"))
    assert redactor(ONE_BYTE["latin-1"]).mask_bytes(echo).withheld


def test_a_text_without_values_comes_back_as_it_is():
    for text in ("", "plain", "ünï %25 &amp; \\u0041", "[redacted]"):
        masked = mask(redactor(VALUE), text)
        assert (masked.text, masked.found, masked.withheld) == (text, frozenset(), False)


def test_bytes_without_values_come_back_as_they_are():
    body = bytes(range(256)) * 4
    assert redactor(VALUE).mask_bytes(body).text == body


def test_without_secrets_nothing_is_touched():
    assert Redactor({}).mask_bytes(b"%2541").text == b"%2541"


def test_all_occurrences_are_cut_out_with_one_constant_marker():
    masked = mask(redactor("first-value-1", "2nd-value"), "first-value-1, 2nd-value; first-value-1")
    assert masked.text == f"{MASK}, {MASK}; {MASK}"
    assert masked.found == {"name0", "name1"}


def test_only_the_names_that_were_found_are_reported():
    assert mask(redactor("first-value-1", "2nd-value"), "x 2nd-value").found == {"name1"}


def test_overlapping_and_touching_values_become_one_cut():
    assert mask(redactor("abcdefgh", "efghijkl"), "<abcdefghijkl>").text == f"<{MASK}>"
    assert mask(redactor("abcdefgh"), "<abcdefghabcdefgh>").text == f"<{MASK}>"


@pytest.mark.parametrize("value", ["abcabcabc", "aaaaaaaa", "0x0x0x0x0"])
@pytest.mark.parametrize("form", ["raw", "hex", "JSON, every unit", "percent, every byte"])
def test_occurrences_that_overlap_leave_no_end_of_the_value(value, form):
    twice = value[: len(set(value))] + value
    assert mask(redactor(value), f"<{FORMS[form](twice)}>").text == f"<{MASK}>"


def test_a_mebibyte_of_one_letter_is_one_cut():
    assert mask(redactor("a" * 8), "a" * 2**20).text == MASK


def test_a_value_inside_another_value_is_reported_too():
    masked = mask(redactor("inner-value", "the-inner-value-x"), "the-inner-value-x")
    assert (masked.text, masked.found) == (MASK, {"name0", "name1"})


MIXTURES = {
    "percent, one byte": "%73" + VALUE[1:],
    "percent in mixed case": "".join(
        f"%{byte:02x}" if at % 2 else f"%{byte:02X}" for at, byte in enumerate(VALUE.encode())
    ),
    "plus for space alone": VALUE.replace("+", "%2B").replace(" ", "+"),
    "HTML, one character": "&#115;" + VALUE[1:].replace("&", "&amp;"),
    "HTML, names": VALUE.replace("&", "&amp;").replace("=", "&equals;").replace("/", "&sol;"),
    "JSON, one character": "\\u0073" + json.dumps(VALUE)[2:-1],
    "byte escape, one byte": "\\x73" + json.dumps(VALUE)[2:-1],
    "spaced": " ".join(VALUE),
    "one character a line": "\r\n".join(VALUE),
    "zero-width": "\u200b".join(VALUE),
    "byte order marks": "\ufeff".join(VALUE),
    "spaced hex": VALUE.encode().hex(" "),
    "wrapped base64": "\n".join(b64(VALUE)[at : at + 8] for at in range(0, 64, 8)),
    "wrapped base64 in JSON": r"\n".join(b64(VALUE)[at : at + 8] for at in range(0, 64, 8)),
    "percent-encoded base64": "".join(f"%{ord(character):02x}" for character in b64(VALUE)),
    "percent in JSON": in_units(quote(VALUE, safe="") + "x", r"\u%04x"),
    "HTML in percent": quote(in_characters(VALUE, "&#%d;"), safe=""),
    "JSON in HTML": in_characters("\\u0073" + json.dumps(VALUE)[2:-1], "&#%d;"),
    "percent, double in mixed case": "%2573" + quote(quote(VALUE[1:], safe=""), safe=""),
}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_a_value_that_shows_after_decoding_withholds_the_text(mixture):
    masked = mask(redactor(VALUE), f"before {MIXTURES[mixture]} after")
    assert (masked.text, masked.found, masked.withheld) == (MASK, {"name0"}, True)


def test_a_hidden_value_beside_a_plain_one_withholds_the_text():
    masked = redactor(VALUE).mask_bytes(f"{VALUE} and {MIXTURES['spaced']}".encode())
    assert (masked.text, masked.withheld) == (MASK.encode(), True)


def test_a_cut_does_not_join_its_neighbours_into_a_value():
    assert not mask(redactor("abcdefgh", "12345678"), "a cut: abcd12345678efgh").withheld


def test_a_value_that_reads_like_the_marker_is_cut_out_and_not_found_in_it():
    masked = mask(redactor("redacted", "other-value"), "an other-value")
    assert (masked.text, masked.found, masked.withheld) == (f"an {MASK}", {"name1"}, False)


@pytest.mark.parametrize(
    "body", ["pin 1234", "1234", "%31%32%33%34", "MTIzNA==", b64("user:1234"), "31323334", "1 2 3 4"[::2], "&#49;234"]
)
def test_a_short_value_withholds_the_text(body):
    masked = mask(redactor("1234"), body)
    assert (masked.text, masked.found, masked.withheld) == (MASK, {"name0"}, True)


def test_a_text_without_the_short_value_passes():
    masked = mask(redactor("1234"), "pin 1243, hex 4142")
    assert (masked.text, masked.found, masked.withheld) == ("pin 1243, hex 4142", frozenset(), False)


@pytest.mark.parametrize("short", ["x", "ab", "é", " "])
def test_the_shortest_values_find_themselves_and_not_everything(short):
    assert mask(redactor(short), f"<{short}>").withheld
    assert not mask(redactor(short), "QQ==,Zz09").withheld


def test_a_value_of_eight_characters_is_cut_out():
    assert mask(redactor("12345678"), "n 12345678").text == f"n {MASK}"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", ""])
@pytest.mark.parametrize(
    "form", ["raw", "JSON", "JSON in JSON", "percent, nothing safe", "HTML, decimal", "base64", "hex", "reversed"]
)
def test_a_value_of_several_lines_is_cut_out_with_any_line_break(line_break, form):
    echo = FORMS[form](PEM.replace("\n", line_break))
    masked = mask(redactor(PEM), f"<{echo}>")
    assert (masked.text.rstrip("=>"), masked.found, masked.withheld) == (f"<{MASK}", {"name0"}, False)


def test_a_value_of_several_lines_is_found_without_its_last_line_break():
    assert mask(redactor(PEM), f"<{PEM.strip()}>").text == f"<{MASK}>"


def test_a_value_of_several_lines_with_spaces_for_line_breaks_is_withheld():
    assert mask(redactor(PEM), PEM.replace("\n", " ")).withheld


def test_what_is_left_of_a_value_without_white_space_is_not_searched_when_short():
    masked = mask(redactor("ab        "), "a cab")
    assert (masked.text, masked.withheld) == ("a cab", False)


def test_a_redactor_shows_nothing():
    guard = redactor(VALUE)
    assert repr(guard) == "<Redactor>"
    with pytest.raises(TypeError):
        vars(guard)


def test_text_that_utf8_cannot_carry_raises_nothing():
    guard = redactor("lone\ud800surrogate")
    assert mask(guard, "plain").text == "plain"


def test_an_error_inside_would_not_show_the_value(monkeypatch):
    def fail(_):
        raise RuntimeError("decoder")

    guard = redactor(VALUE)
    monkeypatch.setattr("secrets_app.redaction.redactor.decoded_views", fail)
    with pytest.raises(RuntimeError) as caught:
        mask(guard, VALUE)
    assert VALUE not in "".join(traceback.format_exception(caught.value))
