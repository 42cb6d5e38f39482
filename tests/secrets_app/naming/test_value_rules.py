"""Limits refuse, oddities warn, and no sentence ever quotes the value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_app.naming.value_rules import MAX_BYTES, problem_with_value, warnings_for
from secrets_app.plaintext import MIN_LENGTH, Plaintext

GOOD = "sk_live_51H8s-Kq/9=="


def code(text, *, allow_short=False):
    problem = problem_with_value(Plaintext(text), allow_short=allow_short)
    return problem and problem.code


@pytest.mark.parametrize(
    "text", [GOOD, "x" * MIN_LENGTH, "ä" * 8, "a" * MAX_BYTES, "ä" * (MAX_BYTES // 2), " pad ded ", "line\nline\n"]
)
def test_a_good_value_has_no_problem(text):
    assert code(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "invalid"),
        ("\0", "invalid"),
        (GOOD + "\0", "invalid"),
        (GOOD + "\ud800", "invalid"),
        ("\udfff" + GOOD, "invalid"),
        ("a" * (MAX_BYTES + 1), "value_too_long"),
        ("ä" * (MAX_BYTES // 2) + "a", "value_too_long"),
        ("1234567", "value_too_short"),
        ("ä" * 7, "value_too_short"),
        (" ", "value_too_short"),
    ],
)
def test_a_bad_value_is_refused(text, expected):
    assert code(text) == expected


def test_a_short_value_is_taken_when_it_is_meant():
    assert code("1234", allow_short=True) is None
    assert code("", allow_short=True) == "invalid"


def test_surrogate_pairs_are_ordinary_characters():
    assert code("\U0001f511" * 8) is None


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "correct horse battery staple",
        "Bearer-less-7f",
        "0x1234567890",
        "wJalrXUtnFEMIK7MDENG",
        "abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_an_ordinary_value_gets_no_warning(text):
    assert warnings_for(Plaintext(text)) == []


START, BREAK, END = (
    "The value starts with white space.",
    "The value ends with a line break.",
    "The value ends with white space.",
)
SCHEME = "The value starts with a scheme such as “Bearer ”. Usually the integration adds it."
DIGITS = "The value consists of digits only and is easy to guess."
WORD = "The value looks like a word or a placeholder, not like a credential."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f" {GOOD}", [START]),
        (f"\t{GOOD}", [START]),
        (f"\u00a0{GOOD}", [START]),
        (f"{GOOD} ", [END]),
        (f"{GOOD}\n", [BREAK]),
        (f"{GOOD}\r\n", [BREAK]),
        (f" {GOOD} \n", [START, BREAK]),
        (f"Bearer {GOOD}", [SCHEME]),
        (f"bearer {GOOD}", [SCHEME]),
        (f"Basic {GOOD}", [SCHEME]),
        (f"Token {GOOD}", [SCHEME]),
        (f" Bearer {GOOD}", [START, SCHEME]),
        ("123456789012", [DIGITS]),
        ("1234567890\n", [BREAK, DIGITS]),
        ("changeme", [WORD]),
        ("CHANGE_ME", [WORD]),
        ("password", [WORD]),
        ("Password123!", [WORD]),
        ("your-api-key-here", [WORD]),
        ("<YOUR_API_KEY>", [WORD]),
        ("xxxxxxxx", [WORD]),
        ("XXXX-XXXX-XXXX", [WORD]),
        ("********", [WORD]),
        ("••••••••", [WORD]),
        ("elephant", [WORD]),
        ("Elephant", [WORD]),
        ("undefined", [WORD]),
        ("        ", [START, END]),
    ],
)
def test_what_looks_like_a_mistake_gets_its_warnings(text, expected):
    assert [warning.message for warning in warnings_for(Plaintext(text))] == expected


@given(st.text(min_size=1))
def test_no_sentence_contains_the_value(text):
    canary = f"{text}-canary"
    problem = problem_with_value(Plaintext(canary), allow_short=False)
    sentences = [each.message for each in warnings_for(Plaintext(canary))] + ([problem.message] if problem else [])
    assert not any(canary in sentence for sentence in sentences)
