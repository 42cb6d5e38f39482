"""Events, lines and messages: values are found in them, and in texts that are sent in pieces of a few characters."""

import base64
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.events import LONGEST_UNIT
from secrets_app.redaction.messages import MessageMask
from secrets_app.redaction.redactor import MASK, Reason, Redactor, ValueSet
from secrets_app.redaction.streams import StreamWithheld
from secrets_app.redaction.units import MOST_HELD_UNITS
from tests.support.integrations.echoes import HEX, PASSWORD, TOKEN, UUID, WORDS, WRITTEN, redactor
from tests.support.integrations.streams import CLEAN, EVENTS, LINES, SERVICES, cut, longest_piece, streamed, texts

MOST_OUT = 3
"""Characters of a value that may go out in pieces of a text."""
FORMS = ("as it is", "in upper case", "JSON", "percent, every byte", "base64", "base64 of a credential", "hex")


def deltas(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def in_pieces(service: str, text: str, size: int) -> list[bytes]:
    return [SERVICES[service].write(piece).encode() for piece in deltas(text, size)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_clean_stream_comes_out_byte_for_byte_and_event_by_event(service):
    events = in_pieces(service, CLEAN, 4)
    done = streamed(redactor(TOKEN, UUID), events, SERVICES[service].media_type)
    assert (done.passed, done.withheld, done.most_held) == (b"".join(events), None, 0)
    for size in (1, 7, 1_000):
        cut_up = streamed(redactor(TOKEN, UUID), cut(b"".join(events), size), SERVICES[service].media_type)
        assert cut_up.passed == b"".join(events)
        assert cut_up.most_held < size + max(map(len, events))


@pytest.mark.parametrize("service", SERVICES)
def test_a_value_in_pieces_of_1_to_8_characters_is_stopped(service):
    media_type = SERVICES[service].media_type
    for value in (TOKEN, UUID, HEX, PASSWORD, WORDS):
        for form in FORMS:
            for size in range(1, 9):
                events = in_pieces(service, f"The key is {WRITTEN[form](value)} and no other.", size)
                done = streamed(redactor(value), cut(b"".join(events), 100), media_type)
                out = texts(SERVICES[service], done.passed)
                case = (value, form, size, out)
                assert (done.withheld, done.found) == (Reason.VALUE, {"name0"}), case
                assert longest_piece(value, out.encode()) <= MOST_OUT, case


@pytest.mark.parametrize("service", SERVICES)
def test_a_value_in_one_piece_is_cut_out_and_the_stream_goes_on(service):
    for value in (TOKEN, UUID, WORDS):
        events = [SERVICES[service].write(text).encode() for text in ("The key is ", f"<{value}>", " and more.")]
        done = streamed(redactor(value), events, SERVICES[service].media_type)
        assert texts(SERVICES[service], done.passed) == f"The key is <{MASK}> and more."
        assert (done.withheld, done.found) == (None, {"name0"})


def test_texts_that_are_streamed_at_once_are_told_apart():
    def choice(at: int, text: str) -> bytes:
        return f"data: {json.dumps({'choices': [{'index': at, 'delta': {'content': text}}]})}\n\n".encode()

    both = [
        choice(at, text)
        for pair in zip(deltas(TOKEN, 4), deltas(CLEAN, 4), strict=False)
        for at, text in enumerate(pair)
    ]
    done = streamed(redactor(TOKEN), both, EVENTS)
    assert done.withheld is Reason.VALUE
    assert longest_piece(TOKEN, done.passed) <= 4


def test_a_text_that_only_begins_like_a_value_goes_on_with_the_next_piece():
    events = in_pieces("chat", f"{TOKEN[:10]}, which is the beginning of a key. {CLEAN}{TOKEN[:7]}", 3)
    done = streamed(redactor(TOKEN), events, EVENTS)
    assert (done.passed, done.withheld) == (b"".join(events), None)
    assert done.most_held <= 4 * max(map(len, events))


def test_a_text_that_does_not_go_on_holds_nothing_back_for_long():
    begun = SERVICES["chat"].write(TOKEN[:7]).encode()
    others = [f": keep-alive {at}\n\n".encode() for at in range(40)]
    done = streamed(redactor(TOKEN), [begun, *others], EVENTS)
    assert (done.passed, done.withheld) == (b"".join([begun, *others]), None)
    assert done.most_held < len(begun) + 10 * len(others[-1])


def test_what_is_held_back_for_a_value_that_has_surely_begun_is_bounded():
    begun = SERVICES["chat"].write(TOKEN[:16]).encode()
    others = [f"data: {base64.b64encode(os.urandom(600)).decode()}\n\n".encode() for _ in range(200)]
    done = streamed(redactor(TOKEN), [begun, *others], EVENTS)
    assert (done.passed, done.withheld) == (b"", Reason.NOT_CHECKED)
    assert done.most_held < MOST_HELD_UNITS + 2_000


def test_values_of_other_runs_in_pieces_are_stopped_and_not_named():
    guard = Redactor({"own": Plaintext(UUID)}, others=[ValueSet([("other", Plaintext(TOKEN))], only_strong=True)])
    done = streamed(guard, in_pieces("text blocks", TOKEN, 4), EVENTS)
    assert (done.withheld, done.found) == (Reason.VALUE, frozenset())
    words = Redactor({"own": Plaintext(UUID)}, others=[ValueSet([("other", Plaintext(WORDS))], only_strong=True)])
    assert streamed(words, in_pieces("text blocks", WORDS, 4), EVENTS).withheld is None


@pytest.mark.parametrize(
    "event",
    [
        b"id: 1\nevent: a\nretry: 5\ndata: one\ndata: two\n\n",
        b": a comment\n\ndata\n\ndata:\n\n\n\n",
        b"\xef\xbb\xbfdata: bom\r\r",
        b"data: \xff\xfe not UTF-8\n\n",
        b"data: " + b"[" * 5_000 + b"\n\n",
        b"data: " + b'{"a":' * 5_000 + b"\n\n",
        b"data: " + b"9" * 5_000 + b"\n\ndata: 1e999\n\ndata: NaN\n\ndata: null\n\n",
        b'data: {"index": "x", "choices": [1, null, {"index": 1e9}], "a_index": true}\n\n',
        b"data: [DONE]\n\nno end",
        b"\n\n\n",
    ],
)
def test_events_of_any_shape_pass_and_a_value_behind_them_is_found(event):
    for size in (1, 1_000):
        done = streamed(redactor(TOKEN), cut(event, size), EVENTS)
        assert (done.passed, done.withheld) == (event, None)
        end = b"" if event.endswith(b"\n") else b"\n\n"
        behind = b"".join([event, end, *in_pieces("chat", TOKEN, 5)])
        assert streamed(redactor(TOKEN), cut(behind, size), EVENTS).withheld is Reason.VALUE


def test_values_in_pieces_are_found_in_other_fields_and_in_plain_lines():
    for field in ("id", "event", ""):
        events = [f"{field}: {piece}\ndata: x\n\n".encode() for piece in deltas(TOKEN, 4)]
        assert streamed(redactor(TOKEN), events, EVENTS).withheld is Reason.VALUE, field
    lines = [f"{piece}\n".encode() for piece in deltas(TOKEN, 4)]
    assert streamed(redactor(TOKEN), lines, LINES).withheld is Reason.VALUE


def test_events_and_lines_are_recognized_where_the_media_type_does_not_say_so():
    for service, media_type in (
        ("chat", "text/plain"),
        ("plain data", None),
        ("lines", None),
        ("lines", "application/json"),
    ):
        events = in_pieces(service, f"The key is {TOKEN} and no other.", 4)
        assert streamed(redactor(TOKEN), events, media_type).withheld is Reason.VALUE, (service, media_type)


def test_an_event_that_is_too_long_goes_by_the_window_and_those_after_it_by_events():
    picture = b'data: {"b64_json": "' + base64.b64encode(os.urandom(2 * LONGEST_UNIT)) + b'"}\r\n\r\n'
    after = b"".join(in_pieces("chat", CLEAN, 4))
    for size in (100, 20_000):
        done = streamed(redactor(TOKEN), cut(picture * 2 + after, size), EVENTS)
        assert (done.passed, done.withheld) == (picture * 2 + after, None)
        assert done.most_held < LONGEST_UNIT + 2 * size
    hidden = picture.replace(b'"}', WRITTEN["hex"](TOKEN).encode() + b'"}')
    assert streamed(redactor(TOKEN), cut(hidden, 700), EVENTS).withheld is Reason.VALUE
    behind = picture + b"".join(in_pieces("chat", TOKEN, 4))
    assert streamed(redactor(TOKEN), cut(behind, 700), EVENTS).withheld is Reason.VALUE


def test_many_places_take_no_more_memory_and_do_not_hide_a_value():
    storm = [f'data: {{"key{at}": "{os.urandom(8).hex()}"}}\n\n'.encode() for at in range(2_000)]
    done = streamed(redactor(TOKEN), [*storm, *in_pieces("chat", TOKEN, 4)], EVENTS)
    assert done.withheld is Reason.VALUE


def test_messages_are_masked_one_by_one_and_joined():
    mask = MessageMask(redactor(TOKEN))
    assert mask.mask(f'{{"a": "{TOKEN}"}}'.encode()) == f'{{"a": "{MASK}"}}'.encode()
    assert (mask.mask(b"\x00\xff audio"), mask.found) == (b"\x00\xff audio", {"name0"})
    assert mask.feed(b'{"delta": "a"}') == [b'{"delta": "a"}']
    with pytest.raises(StreamWithheld):
        mask.mask(WRITTEN["base64"](TOKEN).encode())
    held = [
        json.dumps({"type": "response.audio_transcript.delta", "delta": piece}).encode() for piece in deltas(TOKEN, 5)
    ]
    out: list[bytes] = []
    with pytest.raises(StreamWithheld):
        for message in held:
            out += mask.feed(message)
    assert out == []
    begun = MessageMask(redactor(TOKEN))
    assert (begun.feed(held[0]), begun.end()) == ([], [held[0]])
    for guard in (redactor("1234"), redactor("a" * 65_000)):
        with pytest.raises(StreamWithheld):
            MessageMask(guard).feed(b"{}")
    assert MessageMask(Redactor({})).feed(b"1234") == [b"1234"]


@settings(max_examples=150, deadline=None)
@given(
    service=st.sampled_from(sorted(SERVICES)),
    value=st.sampled_from([TOKEN, UUID, HEX, WORDS]),
    before=st.text("abcdefgh ", max_size=40),
    sizes=st.lists(st.integers(1, 8), min_size=1, max_size=8),
    chunk=st.integers(1, 300),
)
def test_no_cut_of_a_text_lets_a_piece_of_a_value_out(service, value, before, sizes, chunk):
    text, pieces = f"{before}: {value} {CLEAN[:40]}", []
    while text:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(SERVICES[service].write(text[:size]).encode())
        text = text[size:]
    done = streamed(redactor(value), cut(b"".join(pieces), chunk), SERVICES[service].media_type)
    assert done.withheld is Reason.VALUE
    assert longest_piece(value, texts(SERVICES[service], done.passed).encode()) <= MOST_OUT
