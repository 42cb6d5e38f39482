"""Bodies that are meant to hurt: the work is counted and bounded, nothing raises, and nothing is missed within it."""

import base64
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secrets_app.redaction import matcher
from secrets_app.redaction.matcher import FREE_VIEWS, MOST_VIEWS, WINDOW
from secrets_app.redaction.redactor import Reason
from tests.support.integrations.echoes import TOKEN, WRITTEN, mask, redactor

STORMS = {
    "percent": b"%25",
    "lone percent": b"%",
    "backslash": b"\\",
    "unit": rb"\u005c",
    "entity": b"&amp;",
    "nested entity": b"&#38;#38;",
    "lone ampersand": b"&#",
    "digits": b"&#0000000000",
    "numbers": b"65, ",
    "plus": b"+ ",
    "NUL": b"\0",
    "short base64": b"QUJDREVGR0hJSktMTU5PUA ",
    "base64 of base64": base64.b64encode(base64.b64encode(base64.b64encode(b"text " * 30))),
    "almost the value": TOKEN[:-1].encode() + b"?",
    "everything": rb"%25\\&amp;+ %5c&#37;\u0025&#x5c;a=3D<b>\1 ",
}


@pytest.fixture
def work(monkeypatch):
    """The bytes of all views that were searched."""
    seen: list[int] = []
    views = matcher.views
    monkeypatch.setattr(matcher, "views", lambda text: (seen.append(len(view[0])) or view for view in views(text)))
    return seen


@pytest.mark.parametrize("storm", STORMS)
def test_a_hostile_body_is_searched_to_its_end_with_bounded_work(storm, work):
    size = 2**18
    body = STORMS[storm] * (size // len(STORMS[storm])) + b";" + TOKEN.encode() + b";"
    masked = redactor(TOKEN).mask_bytes(body)
    assert masked.withheld is Reason.NOT_CHECKED or masked.found == {"name0"}
    assert TOKEN.encode() not in masked.text
    assert sum(work) <= 2 * (MOST_VIEWS * len(body) + FREE_VIEWS + 2**20)


def test_a_repetitive_value_of_65000_characters_costs_no_more_than_another(work):
    guard = redactor("a" * 65_000)
    assert mask(guard, "a" * 2**18).withheld is Reason.VALUE
    assert mask(guard, "b" * 2**18).withheld is None
    assert sum(work) <= 2 * (MOST_VIEWS * 2**18 + FREE_VIEWS)


def test_a_long_value_is_found_by_a_bounded_number_of_grams():
    value = base64.b64encode(os.urandom(48_000)).decode()
    patterns = matcher.patterns_of(_plaintext(value))
    assert len(patterns.grams) <= 4_000
    assert mask(redactor(value), value[30_000:30_400]).found == {"name0"}


def test_a_value_across_the_edge_of_a_window_is_found():
    for at in range(WINDOW - 3 * len(TOKEN), WINDOW + len(TOKEN), 7):
        for form in ("as it is", "JSON, every unit", "base64", "percent, three layers"):
            assert mask(redactor(TOKEN), "." * at + WRITTEN[form](TOKEN)).found == {"name0"}, (at, form)


visible = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=8, max_size=64)
surroundings = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.from_regex(
    r"[&#x;%u0-9a-fA-Z\\+ =]{0,40}"
)


@settings(max_examples=200, deadline=None)
@given(value=visible, before=surroundings, after=surroundings)
def test_no_value_survives_as_it_is_in_any_surroundings(value, before, after):
    assume(value not in "[redacted]")
    masked = mask(redactor(value), before + value + after)
    assert value not in masked.text.decode("utf-8", "replace")
    assert masked.found == {"name0"}


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=300), form=st.sampled_from(sorted(WRITTEN)))
def test_hostile_bytes_never_raise_and_never_hide_a_strong_value(body, form):
    assert redactor(TOKEN).mask_bytes(body + b"\n" + WRITTEN["as it is"](TOKEN).encode() + b"\n" + body).found == {
        "name0"
    }
    redactor(TOKEN).mask_bytes(body + WRITTEN[form](TOKEN).encode() + body)


def _plaintext(text):
    from secrets_app.plaintext import Plaintext

    return Plaintext(text)
