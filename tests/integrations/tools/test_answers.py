"""Answers that fit an agent: what is chosen, cut and told."""

import json

import pytest

from accounts.common.fields import read_json, write_json
from integrations.tools.answers import Limits, fit_json, fit_text

PAGED = {"properties": {"limit": {}, "cursor": {}, "name": {}}}
REST = "Ask for less with the arguments; the whole answer is given by the API."


def test_an_answer_that_fits_is_passed_on_as_written():
    body = read_json('{"price": 18.00, "items": [1, 2, 3]}')
    fitted = fit_json(body, Limits(), {})
    assert (write_json(fitted.body), fitted.cut) == ('{"price": 18.00, "items": [1, 2, 3]}', "")


def test_fields_are_chosen_and_lists_end_where_they_should():
    body = {"people": [{"id": number, "phone": "x"} for number in range(9)], "more": True}
    fitted = fit_json(body, Limits(fields="people[].id", max_items=3), PAGED)
    assert fitted.body == [0, 1, 2]
    assert fitted.cut == "Each list was cut to 3 of up to 9 items. Ask for the rest by cursor, limit."
    assert fit_json({"other": 1}, Limits(fields="people"), {}).cut.startswith("The answer has none")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([{"id": number} for number in range(1000)], "Each list was cut to "),
        ({"items": ["x" * 5000, "y" * 5000]}, "Each list was cut to 1 item and each text to 200 characters"),
        ({f"name{number}": number for number in range(1000)}, "Cut after 1000 of "),
        ("x" * 5000, "Each list was cut to 1 item and each text"),
    ],
)
def test_what_is_too_long_is_cut_where_it_hurts_least(body, told):
    fitted = fit_json(body, Limits(max_characters=1000), {})
    text = fitted.body if told.startswith("Cut") else json.dumps(fitted.body)
    assert 100 < len(text) <= 1000
    assert fitted.cut.startswith(told)
    assert fitted.cut.endswith(REST)


def test_a_text_is_cut_and_told():
    assert fit_text("short", Limits(), {}).cut == ""
    fitted = fit_text("x" * 2000, Limits(max_characters=1000), PAGED)
    assert (len(fitted.body), fitted.cut) == (
        1000,
        "Cut after 1000 of 2000 characters. Ask for the rest by cursor, limit.",
    )
