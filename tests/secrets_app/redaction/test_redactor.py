"""What becomes of a text: it passes as it is, values are cut out, or it is withheld with a reason."""

import json
import time
import traceback

import pytest

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import MASK, Reason, Redactor, guesses_in
from tests.support.integrations.echoes import PASSWORD, TOKEN, WORDS, b64, mask, redactor


def test_a_text_without_values_comes_back_as_it_is():
    for text in ("", "plain", "ünï %25 &amp; \\u0041", "[redacted]"):
        masked = mask(redactor(TOKEN, PASSWORD), text)
        assert (masked.text, masked.found, masked.withheld) == (text.encode(), frozenset(), None)
    body = bytes(range(256)) * 4
    assert redactor(TOKEN).mask_bytes(body).text == body
    assert Redactor({}).mask_bytes(b"%2541").text == b"%2541"


def test_all_occurrences_are_cut_out_with_one_constant_marker():
    masked = mask(redactor("first-value-1", "2nd-value"), "first-value-1, 2nd-value; first-value-1")
    assert masked.text == f"{MASK}, {MASK}; {MASK}".encode()
    assert masked.found == {"name0", "name1"}
    assert mask(redactor("first-value-1", "2nd-value"), "x 2nd-value").found == {"name1"}


def test_overlapping_and_touching_values_become_one_cut():
    assert mask(redactor("abcdefgh", "efghijkl"), "<abcdefghijkl>").text == f"<{MASK}>".encode()
    assert mask(redactor("abcdefgh"), "<abcdefghabcdefgh>").text == f"<{MASK}>".encode()
    masked = mask(redactor("inner-value", "the-inner-value-x"), "the-inner-value-x")
    assert (masked.text, masked.found) == (MASK.encode(), {"name0", "name1"})


def test_an_occurrence_that_overlaps_itself_withholds():
    masked = mask(redactor("abcabcabc"), "<abcabcabcabc>")
    assert (masked.text, masked.withheld) == (MASK.encode(), Reason.VALUE)


def test_a_hidden_value_beside_a_plain_one_withholds_the_text():
    masked = mask(redactor(TOKEN), f"{TOKEN} and {b64(TOKEN)}")
    assert (masked.text, masked.found, masked.withheld) == (MASK.encode(), {"name0"}, Reason.VALUE)


def test_a_cut_does_not_join_its_neighbours_into_a_value():
    assert not mask(redactor("abcdefgh", "12345678"), "a cut: abcd12345678efgh").withheld


def test_a_value_that_reads_like_the_marker_is_cut_out_and_not_found_in_it():
    masked = mask(redactor("redacted", "other-value"), "an other-value")
    assert (masked.text, masked.found, masked.withheld) == (f"an {MASK}".encode(), {"name1"}, None)


@pytest.mark.parametrize("body", ["pin 1234", "1234", "%31%32%33%34", "a1234b", "&#49;234", "1234 and 1234"])
def test_a_short_value_withholds_the_text(body):
    masked = mask(redactor("1234"), body)
    assert (masked.text, masked.found, masked.withheld) == (MASK.encode(), {"name0"}, Reason.SHORT_VALUE)


def test_the_shortest_values_find_themselves_and_not_everything():
    for short in ("1234", "x", "é", "Zz9"):
        assert mask(redactor(short), f"<{short}>").withheld
        assert not mask(redactor(short), "QQ==, n 1243").withheld
    assert mask(redactor("12345678"), "n 12345678").text == f"n {MASK}".encode()


def test_the_parts_of_one_response_are_masked_each_on_its_own():
    parts = [b"OK", f'{{"a": "{TOKEN}"}}'.encode(), b"X-Echo", TOKEN.upper().encode(), b64(TOKEN).encode()]
    masked = redactor(TOKEN).mask_all(parts)
    assert [one.withheld for one in masked] == [None, None, None, None, Reason.VALUE]
    assert [one.text for one in masked[:4]] == [b"OK", f'{{"a": "{MASK}"}}'.encode(), b"X-Echo", MASK.encode()]


def test_a_search_that_may_take_no_longer_ends_at_the_next_window():
    body = b"a" * 70_000 + TOKEN.encode()
    assert redactor(TOKEN).mask_bytes(body, time.monotonic() - 1).withheld is Reason.NOT_CHECKED
    assert redactor(TOKEN).mask_bytes(body, time.monotonic() + 60).text == b"a" * 70_000 + MASK.encode()
    assert redactor(TOKEN).mask_bytes(body[-1000:], time.monotonic() - 1).found == {"name0"}


def test_names_are_told_of_a_text_that_cannot_be_searched():
    hostile = json.dumps("%25" * 4000) * 40
    assert redactor(TOKEN).names_in(TOKEN.upper().encode()) == {"name0"}
    assert redactor(TOKEN).names_in(b"nothing") == frozenset()
    assert redactor(TOKEN).names_in(hostile.encode()) in (frozenset(), {"name0"})


def test_arguments_are_searched_for_values_and_for_short_ones_as_words():
    values = {"key": Plaintext(TOKEN), "word": Plaintext(WORDS), "pin": Plaintext("471100")}

    def found(text: str) -> dict[str, bool]:
        return {hit.name: hit.is_strong for hit in guesses_in(text, values, []) or []}

    assert found("+49 40 5550 nothing") == {}
    assert found(f"say {b64(TOKEN)}") == {"key": True}
    assert found(f"say {WORDS.upper()}") == {"word": False}
    assert found("471099,471100,471101") == {"pin": False}
    assert found("+494711005550") == {}, "a part of a number"


def test_a_redactor_shows_nothing():
    guard = redactor(TOKEN)
    assert repr(guard) == "<Redactor>"
    with pytest.raises(TypeError):
        vars(guard)
    assert mask(redactor("lone\ud800surrogate"), "plain").text == b"plain"


def test_an_error_inside_would_not_show_the_value(monkeypatch):
    def fail(*_):
        raise RuntimeError("decoder")

    guard = redactor(TOKEN)
    monkeypatch.setattr("secrets_app.redaction.matcher.views", fail)
    with pytest.raises(RuntimeError) as caught:
        mask(guard, TOKEN)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
