"""Properties of the masking over any value and any surroundings, and bodies that are meant to hurt."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from secrets_app.redaction.encodings import decoded_views, encoded_forms, indicators
from secrets_app.redaction.redactor import MASK
from tests.support.integrations.echoes import (
    FORMS,
    VALUE,
    mask,
    redactor,
)

STORMS = {
    "percent": b"%25",
    "lone percent": b"%",
    "backslash": b"\\",
    "unit": rb"\u005c",
    "entity": b"&amp;",
    "nested entity": b"&#38;#38;",
    "lone ampersand": b"&#",
    "digits": b"&#0000000000",
    "plus": b"+ ",
    "NUL": b"\0",
    "almost the value": VALUE[:-1].encode(),
    "everything": rb"%25\\&amp;+ %5c&#37;\u0025&#x5c;a",
}


@pytest.mark.parametrize("storm", STORMS)
def test_a_hostile_mebibyte_is_searched_to_its_end(storm):
    body = STORMS[storm] * (2**20 // len(STORMS[storm])) + b";" + VALUE.encode() + b";"
    masked = redactor(VALUE).mask_bytes(body)
    assert masked.found == {"name0"}
    assert VALUE.encode() not in masked.text
    assert masked.withheld or masked.text.endswith(f";{MASK};".encode())


def test_a_mebibyte_of_the_value_becomes_one_marker():
    masked = redactor(VALUE).mask_bytes(VALUE.encode() * (2**20 // len(VALUE.encode())))
    assert masked.text == MASK.encode()


def test_a_value_of_64_kibibytes_of_one_letter_is_cut_out_of_a_mebibyte_of_it():
    masked = redactor("a" * 65_535 + "b").mask_bytes(b"a" * 2**20 + b"b")
    assert masked.text == b"a" * (2**20 - 65_535) + MASK.encode()


visible = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=8, max_size=64)
surroundings = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.from_regex(
    r"[&#x;%u0-9a-fA-Z\\+ =]{0,40}"
)
forms = st.sampled_from([form for form in FORMS if not form.startswith("UTF-16")])


@settings(max_examples=300, deadline=None)
@example(value="a")
@example(value="ÿÿÿÿ" * 2)
@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=70))
def test_every_encoded_form_contains_an_indicator(value):
    wanted = indicators(value)
    assert [form for form in encoded_forms(value) if not any(sign in form.literal for sign in wanted)] == []


@settings(max_examples=400, deadline=None)
@example(value="aaaaaaaa", form="raw", before="aaaa", after="aaa")
@example(value="%25%25%25", form="percent, double", before="%25", after="25")
@example(value="\\\\\\\\\\\\\\\\", form="JSON", before="\\", after="\\")
@given(value=visible, form=forms, before=surroundings, after=surroundings)
def test_no_listed_form_in_any_surroundings_survives(value, form, before, after):
    assume(value not in MASK)
    echo = FORMS[form](value)
    masked = mask(redactor(value), before + echo + after)
    assert "name0" in masked.found
    assert value not in masked.text
    assert echo not in masked.text


escapes = st.lists(
    st.sampled_from(
        [*STORMS.values(), b"%", b"2", b"5", b"ff", b"&", b"#", b"x", b";", b"\\", b"u00", b"\xe2", b"\xe2\x80"]
    )
).map(b"".join)
pieces = st.lists(surroundings | st.just("{form}") | st.sampled_from(["&#", "\\", "%", "+", " ", "\u00ff"]), max_size=8)


@settings(max_examples=400, deadline=None)
@example(value="aaaaaaaa", form="percent, plus for space", parts=[["{form}"], ["%"]])
@example(value="a a a a a", form="percent, plus for space", parts=[["{form}"], []])
@given(value=visible, form=forms, parts=st.lists(pieces, max_size=5))
def test_the_look_at_the_whole_answer_finds_what_its_parts_hold(value, form, parts):
    said = ["".join(part).replace("{form}", FORMS[form](value)).encode() for part in parts]
    assert redactor(value).mask_all(said) == [redactor(value).mask_bytes(part) for part in said]


@pytest.mark.parametrize("codec", ["latin-1", "utf-16-le"])
def test_a_value_with_the_byte_between_parts_is_cut_out_of_a_part_alone(codec):
    value = "pass\u00ffword"
    form, between = value.encode(codec), b"\xff"
    in_one, across = [form, b"{}"], form.split(between, 1)
    assert [masked.text for masked in redactor(value).mask_all(in_one)] == [MASK.encode(), b"{}"]
    assert [masked.text for masked in redactor(value).mask_all(across)] == across


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(st.binary(max_size=12) | escapes, max_size=4))
def test_a_view_of_a_part_is_a_piece_of_a_view_of_the_whole(parts):
    whole = b"\xff".join(parts)
    views = [whole, *decoded_views(whole)]
    for part in parts:
        assert all(any(view in one for one in views) for view in decoded_views(part))


@settings(max_examples=100, deadline=None)
@given(value=visible, body=st.binary(max_size=300))
def test_hostile_bytes_never_raise_and_never_show_the_value(value, body):
    assume(value not in MASK)
    masked = redactor(value).mask_bytes(body + value.encode() + body)
    assert value.encode() not in masked.text
    assert masked.found == {"name0"}
