"""Names and texts that would read otherwise than they are."""

import pytest

from accounts.common.lookalikes import imitates_latin
from accounts.common.texts import problem_with_line, problem_with_text
from integrations.readiness.warnings import warnings_for
from tests.fixtures.api import Caller
from tests.support.things import key_for, make_action

HONEST = [
    "Look up patient",
    "Kalender für Büro",
    "\u041f\u0430\u0446\u0438\u0435\u043d\u0442",
    "\u0391\u03b8\u03ae\u03bd\u03b1 X",
    "日本voice",
    "Café 1 µs",
    "\u041c\u043e\u0441\u043a\u043e\u0432\u0441\u043a\u0438\u0439 CRM",
    "groß",
]
MIXED = ["L\u043e\u043ek up patient", "\u03c1aypal", "\u0440\u0430yp\u0430l", "\u0421rm", "\u0391pi"]


@pytest.mark.parametrize("name", HONEST)
def test_name_in_any_alphabet_is_a_name(name):
    assert problem_with_line(name, 100) is None


@pytest.mark.parametrize("name", MIXED)
def test_word_that_mixes_alphabets_is_none(name):
    assert "look alike" in problem_with_line(name, 100)
    assert name not in problem_with_line(name, 100)


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", "a\u2066b", "a\u200bb", "a\0b", "n" * 101])
def test_name_is_one_line_of_visible_text(name):
    assert "on one line" in problem_with_line(name, 100)


@pytest.mark.parametrize("mark", ["\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068"])
def test_text_does_not_turn_its_direction(mark):
    assert "direction" in problem_with_text(f"pays {mark}nobody", 500)
    assert problem_with_text("שלום, two\nlines", 500) is None


@pytest.mark.parametrize(
    ("name", "imitates"),
    [
        ("\u0430\u0440\u0440\u04cf\u0435", True),
        ("x\u043f\u0440\u0438\u043c\u0435\u0440x", False),
        ("\u043f\u0440\u0438\u043c\u0435\u0440", False),
        ("bücher", False),
    ],
)
def test_word_of_another_alphabet_that_reads_as_latin(name, imitates):
    assert imitates_latin(name) is imitates


@pytest.mark.django_db
def test_every_name_is_judged_by_the_rule(owner):
    caller = Caller(key_for(owner))
    sent = {"kind": "api_action", "name": MIXED[0], "config": {"base_url": "https://api.example.com", "method": "GET"}}
    assert caller.errors("POST", "/integrations", sent) == ["name"]
    turned = {"name": "crm.apiKey", "description": "a\u202eb"}
    assert caller.errors("POST", "/secrets", turned) == ["description"]


@pytest.mark.django_db
def test_host_that_looks_like_another_is_a_warning(owner):
    action = make_action(owner, base_url="https://\u0430\u0440\u0440\u04cf\u0435.com", uses="")
    (warning,) = [warning for warning in warnings_for(action) if warning.code == "lookalike_host"]
    assert (warning.certain, "xn--80ak6aa92e.com is shown as \u0430\u0440\u0440\u04cf\u0435.com" in warning.detail) == (
        False,
        True,
    )
    assert not warnings_for(make_action(owner, "Other", base_url="https://bücher.example", uses=""))
