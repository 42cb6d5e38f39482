"""One rule for names, and proposals that always obey it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_app.naming.names import MAX_LENGTH, NAME, PATTERN, is_generic, problem_with_name, propose_name

VALID = [
    "a",
    "Z",
    "crm.apiKey",
    "sip.primary.password",
    "hubspot_api_token",
    "calcom-prod-api-key",
    "a..b",
    "a.",
    "a-",
    "x" * 128,
]
INVALID = [
    "",
    "1a",
    "_a",
    ".a",
    "-a",
    "a b",
    "a\n",
    "\na",
    "a\r",
    "a\0",
    "a/b",
    "a{b}",
    "a:b",
    "ä",
    "aé",
    "\u0430",
    "\uff41",
    "a\u200b",
    "٣a",
    "a٣",
    " a",
    "a ",
    "x" * 129,
]


@pytest.mark.parametrize("name", VALID)
def test_a_valid_name_has_no_problem(name):
    assert problem_with_name(name) is None
    assert re.search(PATTERN, name)


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_name_is_explained(name):
    assert problem_with_name(name).endswith((".", propose_name(name)))
    assert not re.search(PATTERN, name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter a name."),
        ("x" * 129, "Use at most 128 characters."),
        ("крм", "Start with a letter, then use letters, digits, “_”, “-” and “.” only."),
        ("my key", "Start with a letter, then use letters, digits, “_”, “-” and “.” only. For example: my-key"),
    ],
)
def test_the_sentence_names_the_way_out(name, sentence):
    assert problem_with_name(name) == sentence


def test_the_pattern_uses_only_what_python_and_postgresql_read_alike():
    assert PATTERN == r"\A[A-Za-z][A-Za-z0-9_.-]{0,127}\Z"


def test_the_unanchored_name_stops_at_the_first_other_character():
    assert re.findall(NAME, "{secrets.crm.apiKey} 9x", re.ASCII) == ["secrets.crm.apiKey", "x"]


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ("HubSpot API key \u2013 production", "HubSpot-API-key-production"),
        ("HubSpot API key / production", "HubSpot-API-key-production"),
        ("Café Zürich", "Cafe-Zurich"),
        ("  padded  ", "padded"),
        ("2nd trunk", "nd-trunk"),
        ("crm.apiKey", "crm.apiKey"),
        ("a--b-", "a--b-"),
        ("a — b", "a-b"),
        ("no\u00a0break", "no-break"),
        ("line\nbreak", "line-break"),
        ("\uff26\uff55\uff4c\uff4c", "Full"),
        ("{secrets.token}", "secrets.token"),
        ("名前", ""),
        ("123", ""),
        ("", ""),
        ("y" * 200, "y" * 128),
    ],
)
def test_a_proposal_keeps_what_can_be_kept(typed, proposed):
    assert propose_name(typed) == proposed


@given(st.text() | st.from_regex(r"[\w\s.\-\u2013]{1,200}"))
def test_a_proposal_is_valid_or_empty(text):
    proposal = propose_name(text)
    assert not proposal or problem_with_name(proposal) is None


@given(st.from_regex(PATTERN))
def test_a_valid_name_is_its_own_proposal(name):
    assert len(name) <= MAX_LENGTH
    assert propose_name(name) == name


@pytest.mark.parametrize("name", ["token", "Token", "api_key", "apiKey", "api-key2", "KEY", "secret1", "password"])
def test_a_name_that_says_nothing_is_generic(name):
    assert is_generic(name)


@pytest.mark.parametrize("name", ["crm.token", "tokenizer", "hubspot_api_key", "keys", "secret.one", "a"])
def test_a_name_that_says_what_it_is_for_is_not_generic(name):
    assert not is_generic(name)
