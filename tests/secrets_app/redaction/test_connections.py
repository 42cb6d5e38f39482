"""Messages of a connection: masked on their way to the caller, searched on their way to the upstream."""

import base64
import json

import pytest

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.connections import ConnectionMask, ConnectionSearch
from secrets_app.redaction.redactor import Redactor
from secrets_app.redaction.streams import StreamWithheld

VALUE = "sk-live-Zq8Lr2Xw7Vb5Nd3Kt9Mf4Hs6Jp1Gc0Ry"
SOUND = bytes(range(256)) * 8


def redactor():
    return Redactor({"voice.key": Plaintext(VALUE)})


def passed(*messages):
    """What of the messages goes on, and whether the connection was withheld."""
    mask, out = ConnectionMask(redactor()), []
    try:
        for message in messages:
            out += mask.feed(message)
        return [*out, *mask.end()], False
    except StreamWithheld:
        return out, True


def delta(text, kind="response.output_text.delta"):
    return json.dumps({"type": kind, "event_id": "e1", "delta": text})


def test_harmless_messages_go_on_as_they_are_in_their_order():
    messages = ["", b"", "hello", SOUND, delta("The next"), delta(" free one"), b"text in bytes", "[1, 2"]
    assert passed(*messages) == (messages, False)


def test_a_value_in_one_message_is_masked_in_place():
    for message in (
        json.dumps({"error": f"key {VALUE} is old"}),
        f"key {VALUE}".encode(),
        SOUND + VALUE.encode() + SOUND,
    ):
        (out,), is_withheld = passed(message)
        assert type(out) is type(message) and not is_withheld
        assert VALUE not in (out if isinstance(out, str) else out.decode("latin-1"))
    assert passed("first", json.dumps({"audio": base64.b64encode(VALUE.encode()).decode()})) == (["first"], True)


def test_a_value_in_pieces_ends_the_connection_before_most_of_it_is_out():
    texts = [VALUE[start : start + 3] for start in range(0, len(VALUE), 3)]
    for pieces in (
        [delta(text) for text in texts],
        texts,
        [text.encode() for text in texts],
        [part for text in texts for part in (delta(text), json.dumps({"type": "response.audio", "delta": "AAEC"}))],
    ):
        out, is_withheld = passed(*pieces)
        assert is_withheld
        assert len([one for one in out if "AAEC" not in str(one)]) <= 2, out
    thirds = [SOUND + VALUE[:14].encode(), VALUE[14:28].encode(), VALUE[28:].encode() + SOUND]
    assert passed(*thirds) == (thirds[:1], True)


def test_what_is_held_back_goes_on_in_its_order_once_it_is_no_value():
    mask = ConnectionMask(redactor())
    held = delta("a sk-live")
    assert (mask.feed(held), mask.feed(SOUND), mask.is_holding) == ([], [], True)
    assert mask.feed(delta(" stream")) == [held, SOUND, delta(" stream")]
    assert not mask.is_holding


def test_held_messages_make_way_when_nothing_follows_but_most_of_a_value_does_not():
    for begun, goes_on in (("sk-liv", True), (VALUE[:14], False)):
        mask = ConnectionMask(redactor())
        assert mask.feed(delta(begun)) == []
        assert mask.make_way() == ([delta(begun)] if goes_on else [])
        with pytest.raises(StreamWithheld):
            mask.feed(delta(VALUE[len(begun) :]))


def test_what_a_caller_sends_is_searched_alone_and_together():
    harmless = ConnectionSearch(redactor())
    assert all(harmless.hits(message) == [] for message in ("hi", SOUND, delta("Zq8L"), delta("free"), b"" * 4))
    for messages in (
        [json.dumps({"instructions": VALUE})],
        [SOUND + VALUE.encode()],
        [VALUE[:14], VALUE[14:28]],
        [SOUND + VALUE[:14].encode(), VALUE[14:28].encode()],
        [delta(VALUE[start : start + 4]) for start in range(0, len(VALUE), 4)],
    ):
        search = ConnectionSearch(redactor())
        found = [hit.name for message in messages for hit in search.hits(message) or []]
        assert "voice.key" in found, messages
