"""Streams of bytes: what is clean goes on at once, and no piece of a value does, however both are cut."""

import base64
import json
import os
import zlib
from gzip import compress
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import MASK, Reason, Redactor, ValueSet
from secrets_app.redaction.streams import StreamMask, StreamWithheld
from secrets_app.redaction.windows import HELD, LARGEST_STEP, LARGEST_TEXT, MOST_HELD, STEP, legible
from tests.support.integrations.echoes import (
    HEX,
    PARTS,
    PASSWORD,
    PEM,
    TOKEN,
    UUID,
    WORDS,
    WRITTEN,
    redactor,
)
from tests.support.integrations.streams import AUDIO, CLEAN, TEXT, cut, longest_piece, streamed

SIZES = (1, 7, 100, 1_000)
SHORTEST_LEAK = 8
MP3 = b"ID3\x04\x00"
"""How audio begins: by chance, bytes might begin as an archive does, and a stream of that is withheld."""
BODIES = {
    "text": (CLEAN.encode() * 8, TEXT),
    "JSON": (json.dumps([{"id": at, "name": "The quick brown fox"} for at in range(200)], indent=1).encode(), None),
    "base64": (base64.b64encode(os.urandom(3_000)), "application/json"),
    "audio": (MP3 + os.urandom(4_000), AUDIO),
    "silence": (b"\xff" * 4_000, "audio/basic"),
    "UTF-16": (CLEAN.encode("utf-16-le"), "text/plain; charset=UTF-16LE"),
    "short": (b"ok", "text/plain"),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_clean_stream_comes_out_byte_for_byte_and_no_more_than_a_window_late(body):
    data, media_type = BODIES[body]
    for size in (*SIZES, 100_000):
        done = streamed(redactor(TOKEN, UUID, HEX), cut(data, size), media_type)
        assert (done.passed, done.withheld, done.found) == (data, None, frozenset()), size
        assert done.most_held < max(HELD + STEP, size + 1) + HELD, size


def test_without_values_a_stream_passes_as_it_is():
    mask = StreamMask(Redactor({}), "text/plain; charset=utf-7")
    assert (mask.feed(compress(b"a")), mask.end()) == (compress(b"a"), b"")


@pytest.mark.parametrize("value", [TOKEN, UUID, HEX], ids=["token", "UUID", "hexadecimal"])
def test_no_piece_of_a_strong_value_goes_out_in_any_form(value):
    for name, write in WRITTEN.items():
        for around in ("%s", "<p>%s</p>\r\n", f'{CLEAN}"%s"{CLEAN}'):
            data = around.replace("%s", write(value)).encode()
            for size in SIZES:
                done = streamed(redactor(value), cut(data, size))
                assert done.found == {"name0"}, (name, size)
                assert longest_piece(value, done.passed) < SHORTEST_LEAK, (name, size)


@pytest.mark.parametrize("value", [PASSWORD, WORDS], ids=["password", "words"])
def test_a_weak_value_of_the_run_is_found_where_it_is_in_a_whole_text(value):
    for name, write in WRITTEN.items():
        data = f'{CLEAN}"{write(value)}"{CLEAN}'.encode()
        found = redactor(value).mask_bytes(data).found
        for size in SIZES:
            done = streamed(redactor(value), cut(data, size))
            assert done.found == found, (name, size)
            assert not found or longest_piece(value, done.passed) < SHORTEST_LEAK, (name, size)


def test_parts_of_values_are_found():
    for name, (value, echo) in PARTS.items():
        secret = "".join(line for line in echo.splitlines() if "-----" not in line)
        for size in SIZES:
            done = streamed(redactor(value), cut(f'{CLEAN}"{echo}"{CLEAN}'.encode(), size))
            assert done.found == {"name0"}, (name, size)
            assert "private key" in name or longest_piece(secret, done.passed) < SHORTEST_LEAK, (name, size)


def test_a_value_is_cut_out_and_the_stream_goes_on():
    for value in (TOKEN, WORDS, PEM):
        data = f"{CLEAN}<{value}>{CLEAN}{value}{value}, {value}.".encode()
        for size in (*SIZES, 100_000):
            done = streamed(redactor(value), cut(data, size))
            expected = redactor(value).mask_bytes(data).text
            assert done.withheld is None
            assert done.passed.replace(MASK.encode() * 2, MASK.encode()) == expected, size


def test_values_beside_each_other_are_cut_whole_even_where_one_begins_with_the_other():
    longer = f"{TOKEN}-and-more-9Xw2"
    for size in SIZES:
        done = streamed(redactor(TOKEN, longer), cut(f"{CLEAN}{longer} {TOKEN}{CLEAN}".encode(), size))
        assert done.passed == f"{CLEAN}{MASK} {MASK}{CLEAN}".encode()


def test_a_value_in_another_form_ends_the_stream_and_what_came_before_has_gone_out():
    before = CLEAN * 6
    data = f"{before}{WRITTEN['base64'](TOKEN)}{CLEAN}".encode()
    for size in SIZES:
        done = streamed(redactor(TOKEN), cut(data, size))
        assert (done.withheld, done.found) == (Reason.VALUE, {"name0"})
        assert before.encode().startswith(done.passed)
        assert len(done.passed) > len(before) - 2 * HELD - size


def test_a_stream_that_breaks_off_within_a_value_shows_nothing_of_it():
    for size in SIZES:
        done = streamed(redactor(TOKEN), cut(f"{CLEAN}{TOKEN[:-1]}".encode(), size))
        assert (done.withheld, longest_piece(TOKEN, done.passed) < SHORTEST_LEAK) == (Reason.VALUE, True)


def test_values_of_other_runs_are_cut_out_and_not_named():
    others = ValueSet([("other.key", Plaintext(TOKEN)), ("other.word", Plaintext(WORDS))], only_strong=True)
    guard = Redactor({"own": Plaintext(UUID)}, others=[others])
    done = streamed(guard, cut(f"{CLEAN}{TOKEN} {UUID} {WORDS}{CLEAN}".encode(), 7))
    assert done.passed == f"{CLEAN}{MASK} {MASK} {WORDS}{CLEAN}".encode()
    assert done.found == {"own"}


def test_a_short_value_withholds_the_stream_at_once():
    mask = StreamMask(redactor("1234"), AUDIO)
    for act in (mask.check, lambda: mask.feed(b"a clean text")):
        with pytest.raises(StreamWithheld) as caught:
            act()
        assert caught.value.reason is Reason.SHORT_VALUE


@pytest.mark.parametrize(
    ("data", "media_type", "reason"),
    [
        (compress(os.urandom(900)), None, Reason.COMPRESSED),
        (compress(os.urandom(900)), "text/event-stream", Reason.COMPRESSED),
        (zlib.compress(os.urandom(900)), "audio/mpeg", Reason.COMPRESSED),
        (CLEAN.encode("utf-7"), "text/plain; charset=utf-7", Reason.ENCODING),
        (CLEAN.encode("cp037"), 'text/event-stream; charset="IBM037"', Reason.ENCODING),
        (b"%25" * 40_000, "text/plain", None),
        (base64.b64encode(compress(bytes(2**20))), "text/plain", Reason.NOT_CHECKED),
    ],
)
def test_what_cannot_be_checked_is_withheld_and_honest_bytes_are_not(data, media_type, reason):
    for size in (1, 100, 100_000):
        done = streamed(redactor(TOKEN), cut(data[: 2_000 * size], size), media_type)
        assert done.withheld is reason
        assert reason is None or done.passed == b""


def test_a_weak_value_that_is_longer_than_what_is_held_back_withholds_the_stream():
    with pytest.raises(StreamWithheld) as caught:
        StreamMask(redactor("a" * 65_000), None).check()
    assert caught.value.reason is Reason.NOT_CHECKED


def test_what_is_held_back_is_bounded_also_while_a_value_is_waited_for():
    token = base64.b64encode(os.urandom(30_000)).decode()
    done = streamed(redactor(token), cut(f"{CLEAN}{token}".encode(), 100))
    assert done.withheld is Reason.VALUE
    assert done.most_held <= 2 * MOST_HELD + 1_200
    spaced = " " * 50_000 + "a"
    assert streamed(redactor(TOKEN), cut((spaced * 3).encode(), 1_000)).most_held <= MOST_HELD + 1_000


@settings(max_examples=150, deadline=None)
@given(
    value=st.sampled_from([TOKEN, UUID, HEX]),
    form=st.sampled_from(sorted(WRITTEN)),
    before=st.text(max_size=300),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
def test_no_cut_lets_a_piece_of_a_value_out(value, form, before, sizes):
    data, pieces = f"{before} {WRITTEN[form](value)} {CLEAN}".encode(), []
    for at in range(len(data)):
        pieces.append(data[: sizes[at % len(sizes)]])
        data = data[len(pieces[-1]) :]
    done = streamed(redactor(value), pieces)
    assert done.found == {"name0"}
    assert longest_piece(value, done.passed) < SHORTEST_LEAK


@pytest.mark.parametrize("value", [TOKEN, UUID, HEX], ids=["token", "UUID", "hexadecimal"])
def test_no_piece_of_a_strong_value_goes_out_of_binary_data(value):
    for name, write in WRITTEN.items():
        data = MP3 + os.urandom(500) + write(value).encode() + os.urandom(500)
        for size in (7, 1_000, 100_000):
            done = streamed(redactor(value), cut(data, size), AUDIO)
            assert done.found == {"name0"}, (name, size)
            assert longest_piece(value, done.passed) < SHORTEST_LEAK, (name, size)


def test_large_pieces_of_binary_data_come_out_whole_and_hide_no_value_where_their_steps_meet():
    data, size = MP3 + os.urandom(3 * LARGEST_STEP), 2 * LARGEST_STEP + 1_000
    done = streamed(redactor(TOKEN), cut(data, size), AUDIO)
    assert (done.passed, done.withheld) == (data, None)
    for meeting in (LARGEST_TEXT, LARGEST_STEP, LARGEST_STEP + LARGEST_TEXT, 2 * LARGEST_STEP, size):
        for form in ("as it is", "base64", "hex"):
            written = WRITTEN[form](TOKEN).encode()
            at = meeting - SHORTEST_LEAK - 4  # so that too little is in front to be found
            done = streamed(redactor(TOKEN), cut(data[:at] + written + data[at:], size), AUDIO)
            assert done.found == {"name0"}, (meeting, form)
            assert longest_piece(TOKEN, done.passed[at - 500 :]) < SHORTEST_LEAK, (meeting, form)


def test_of_binary_data_only_runs_with_as_many_letters_as_a_gram_are_searched():
    wide = WRITTEN["full-width"](HEX[:12]).encode()
    texts = [b"(abc) def; 1234 / 56", b"a-b-c-d-e-f-g-h-1-2-3-4", wide, "\u00ad".join("abcdef123456").encode()]
    noise = [b"\x9f\xa0" * 20, b"a-b-c-d-e-f-g-h-1-2-3-.", b"%$ (" * 9, wide[:-3], b"abcdef123456789"]
    data = b"\xff".join([b"", *(part for pair in zip_longest(noise, texts, fillvalue=b"") for part in pair)])
    assert legible(data) == b"\0".join(texts)
    assert legible(data[1:40]) == b""
    assert legible(CLEAN.encode() + wide) == CLEAN.encode() + wide


def test_text_behind_binary_data_is_searched_in_steps_of_text():
    text = CLEAN.encode() * (LARGEST_STEP // len(CLEAN))
    data = MP3 + os.urandom(LARGEST_STEP) + text + TOKEN.encode() + text
    for size in (1_000, 100_000, len(data)):
        done = streamed(redactor(TOKEN), cut(data, size), AUDIO)
        assert done.passed == data.replace(TOKEN.encode(), MASK.encode()), size
