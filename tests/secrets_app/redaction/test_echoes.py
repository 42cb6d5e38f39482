"""What upstreams echo: every listed way of writing a strong value is found, cut out or withheld."""

import pytest

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import MASK, Reason, Redactor, ValueSet
from secrets_app.redaction.views import LONGEST_FORM, views
from tests.support.integrations.echoes import (
    HEX,
    PARTS,
    PASSWORD,
    PEM,
    TOKEN,
    UUID,
    WORDS,
    WRITTEN,
    Write,
    mask,
    redactor,
)

AROUND = ('{"echo": "%s", "n": 1}', "%s", "<p>%s</p>\r\n")
NO_TAG, GLUED = "a < b\n%s\nand b > c", "Pd1t/+%s"
"""What is between two angles and yet no tag, and letters that make part of the same run."""
PASSED = {
    "with hyphens",
    "without its first character",
    "without its last character",
    "its second half",
    "base64 of base64",
    "base64 of base64 of base64",
    "base64 of UTF-16",
    "hex with 0x",
    "quoted-printable",
    "quoted-printable in lines",
    "event stream",
}
"""What is not found of a value that is too weak for grams: parts of it, and some encodings of short texts."""
CUT = {
    "as it is",
    "in lower case",
    "percent, nothing safe",
    "percent, slash safe",
    "percent, plus for space",
    "JSON",
    "JSON in UTF-8",
    "JSON with escaped slash",
    "HTML",
    "without hyphens",
    "doubled",
    "in other text",
}
"""What is cut out of any value, so that the rest of the answer is passed on."""


def missed(value: str, around: str) -> set[str]:
    """The ways of writing a value in which it passes."""

    def passes(write: Write) -> bool:
        masked = mask(redactor(value), around.replace("%s", write(value)))
        return not masked.found or (not masked.withheld and write(value) in masked.text.decode("utf-8", "replace"))

    return {name for name, write in WRITTEN.items() if passes(write)}


@pytest.mark.parametrize("around", [*AROUND, NO_TAG, GLUED])
@pytest.mark.parametrize("value", [TOKEN, UUID, HEX], ids=["token", "UUID", "hexadecimal"])
def test_every_way_of_writing_a_strong_value_is_found(value, around):
    assert len(WRITTEN) >= 84
    assert missed(value, around) == set()


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("value", [PASSWORD, WORDS], ids=["password", "words"])
def test_a_weak_value_of_the_run_is_found_as_a_whole(value, around):
    assert missed(value, around) <= PASSED


def test_parts_of_values_are_found():
    passed = {
        name
        for name, (value, echo) in PARTS.items()
        for around in AROUND
        if not mask(redactor(value), around.replace("%s", echo)).found
    }
    assert passed == set()


@pytest.mark.parametrize("value", [TOKEN, UUID, HEX, PASSWORD, WORDS])
def test_the_usual_ways_are_cut_out_of_the_text(value):
    for name in CUT:
        masked = mask(redactor(value), f'{{"echo": "{WRITTEN[name](value)}"}}')
        assert (masked.withheld, masked.text.count(MASK.encode())) == (None, 1), name
        assert masked.text.startswith(b'{"echo": "')
        assert masked.text.endswith(b'"}')


def test_values_of_other_runs_are_found_and_not_named():
    others = ValueSet([("other.key", Plaintext(TOKEN)), ("other.word", Plaintext(WORDS))], only_strong=True)
    guard = Redactor({"own.key": Plaintext(UUID)}, others=[others])
    masked = mask(guard, f"{TOKEN} {UUID} {WORDS}")
    assert masked.text == f"{MASK} {MASK} {WORDS}".encode(), "weak values of other runs are left alone"
    assert masked.found == {"own.key"}
    assert mask(guard, WRITTEN["base64"](TOKEN)).withheld is Reason.VALUE


BROKEN = {
    "a tag": "<wbr class='wide'>",
    "a percent escape": "%C2%AD",
    "an escape of JSON": r"\u00ad",
    "a line break of JSON": r"\n",
    "an entity": "&shy;",
}
"""What stands in the middle of a value, and nowhere else in a long text."""


@pytest.mark.parametrize("broken", BROKEN)
def test_a_value_with_one_escape_is_found_anywhere_in_a_long_text(broken):
    blocks, guard = 9, redactor(TOKEN)
    for value in (TOKEN, WRITTEN["base64"](TOKEN), WRITTEN["hex"](TOKEN)):
        half = len(value) // 2
        echo = f"{value[:half]}{BROKEN[broken]}{value[half:]}".encode()
        for block in range(blocks + 1):
            for before in (0, half, len(echo) - 1, len(echo)):  # how much of it is in the block before
                at = max(0, block * LONGEST_FORM - before)
                text = b"a word " * (blocks * LONGEST_FORM // 7)
                assert mask(guard, text[:at] + echo + text[at:]).found == {"name0"}, (value, at)


def test_of_a_long_text_only_what_is_near_an_escape_is_looked_at_without_it():
    text = b"a word " * 6_000
    (whole, _), *others = views(text + b"%41<b>" + text)
    assert whole == text + b"%41<b>" + text
    assert others
    assert max(len(view) for view, _ in others) <= 4 * LONGEST_FORM + len(whole) // LONGEST_FORM


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "", " "])
@pytest.mark.parametrize("form", ["as it is", "JSON", "JSON in JSON", "percent, nothing safe", "HTML, decimal", "hex"])
def test_a_value_of_several_lines_is_found_with_any_line_break(line_break, form):
    echo = WRITTEN[form](PEM.replace("\n", line_break))
    masked = mask(redactor(PEM), f"<{echo}>")
    assert masked.found == {"name0"}
    assert PEM.splitlines()[2] not in masked.text.decode()
