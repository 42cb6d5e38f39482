"""Event streams cut into pieces in every way, and the headers that mirror a request of MCP."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import ResponseTooLarge
from integrations.kinds.mcp_server.events import EventReader
from integrations.kinds.mcp_server.headers import BadMarkError, header_text, is_own, marks, mirrored
from integrations.kinds.mcp_server.messages import (
    NotJsonRpcError,
    decode,
    encode,
    is_request,
    reply_among,
    reply_in,
    reply_to,
)
from integrations.kinds.mcp_server.replies import MAX_MESSAGES, StreamMessages

STREAM = (
    b"\xef\xbb\xbf: hello\r\ndata: one\n\nevent: message\rdata:two\rdata: lines\r\r"
    b"id: 7\ndata:\n\nevent: x\ndata: no\n\n"
)
FOUND = [b"one", b"two\nlines"]


@given(st.lists(st.integers(0, len(STREAM))))
def test_a_stream_reads_the_same_however_it_is_cut(cuts):
    reader, places = EventReader(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert [each.data for piece in pieces for each in reader.feed(piece) if each.is_message] == FOUND


def test_an_event_that_is_not_finished_is_none():
    assert EventReader().feed(b"data: one\n") == []


def test_a_stream_says_how_it_is_resumed():
    reader = EventReader()
    reader.feed(b"id: 1\nretry: 100\ndata:\n\nid: 2\nretry: soon\ndata: cut o")
    assert (reader.last_id, reader.retry_seconds) == (b"1", 0.1)
    reader.feed(b"ff\n\nid: a\0b\ndata: x\n\n")
    assert reader.last_id == b"2"


def test_messages_are_limited_and_notifications_are_not():
    events = EventReader().feed(
        b'data: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n' * (MAX_MESSAGES + 1)
        + b"event: ping\ndata: 12:00\n\n" * (MAX_MESSAGES + 1)
        + b'data: {"jsonrpc": "2.0", "id": 7, "result": {}}\n\n' * (MAX_MESSAGES + 1)
    )
    *fine, last = events
    messages = StreamMessages("mcp.example.com")
    for event in fine:
        messages.of(event)
    with pytest.raises(ResponseTooLarge):
        messages.of(last)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("", "=?base64??="),
    ],
)
def test_texts_as_headers_by_the_examples_of_the_specification(text, sent):
    assert header_text(text) == sent


def schema(**properties):
    return {"type": "object", "properties": properties}


def test_marked_arguments_are_mirrored():
    declared = schema(
        region={"type": "string", "x-mcp-header": "Region"},
        deep=schema(count={"type": "integer", "x-mcp-header": "Count"}),
        live={"type": "boolean", "x-mcp-header": "Live"},
        left={"type": "string", "x-mcp-header": "Left"},
        none={"type": "string", "x-mcp-header": "None"},
    )
    arguments = {"region": "eu ", "deep": {"count": -7}, "live": True, "none": None}
    assert mirrored(declared, arguments) == [
        ("Mcp-Param-Region", "=?base64?ZXUg?="),
        ("Mcp-Param-Count", "-7"),
        ("Mcp-Param-Live", "true"),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        schema(a={"type": "string", "x-mcp-header": ""}),
        schema(a={"type": "string", "x-mcp-header": "A B"}),
        schema(a={"type": "string", "x-mcp-header": "A\r\nX: y"}),
        schema(a={"type": "string", "x-mcp-header": 1}),
        schema(a={"type": "number", "x-mcp-header": "A"}),
        schema(a={"type": ["string"], "x-mcp-header": "A"}),
        schema(a={"type": "string", "x-mcp-header": "A"}, b={"type": "string", "x-mcp-header": "a"}),
        schema(a={"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}),
        {"anyOf": [schema(a={"type": "string", "x-mcp-header": "A"})]},
        {"type": "string", "x-mcp-header": "A"},
    ],
)
def test_marks_that_break_the_rules(bad):
    with pytest.raises(BadMarkError):
        marks(bad)


@pytest.mark.parametrize("fine", [None, "text", {}, schema(), {"properties": []}, schema(**{"x-mcp-header": {}})])
def test_schemas_without_marks(fine):
    assert marks(fine) == []


@pytest.mark.parametrize("name", ["Accept", "content-TYPE", "MCP-Protocol-Version", "mcp-param-x", "Last-Event-ID"])
def test_headers_of_the_protocol_are_its_own(name):
    assert is_own(name)
    assert not is_own("X-" + name)


DEEP = b'{"jsonrpc": "2.0", "id": 1, "result": ' + b'{"a": ' * 100 + b"1" + b"}" * 101


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"[",
        b"1",
        b"{}",
        b'{"error": "no"}',
        b'{"id": 1}',
        b'{"jsonrpc": "1.0"}',
        b'[{"jsonrpc": "2.0"}, 1]',
        b"\xff",
        DEEP,
    ],
)
def test_what_is_no_message(data):
    with pytest.raises(NotJsonRpcError):
        decode(data)


def test_a_reply_without_the_version_is_a_message():
    assert decode(b'{"id": 1, "result": {}}') == [{"id": 1, "result": {}}]


def test_a_batch_holds_messages():
    assert len(decode(b'[{"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "2.0", "id": 2}]')) == 2


@pytest.mark.parametrize(
    ("message", "is_reply"),
    [
        ({"id": 1, "result": {}}, True),
        ({"id": 2, "result": {}}, False),
        ({"id": "1", "result": {}}, True),
        ({"id": True, "result": {}}, False),
        ({"id": 1, "result": []}, False),
        ({"id": 1, "error": {}}, True),
        ({"id": 1, "error": "no"}, True),
        ({"id": None, "error": {}}, True),
        ({"error": {}}, True),
        ({"id": 2, "error": {}}, False),
        ({"id": None, "result": {}}, False),
    ],
)
def test_which_messages_are_the_reply(message, is_reply):
    assert (reply_in(message, 1) is not None) == is_reply


def test_a_reply_with_the_id_of_the_request_wins_over_an_error_without():
    unnamed, named = {"error": {"code": 1}}, {"id": 1, "error": {"code": 2}}
    assert reply_among([unnamed, named], 1).error_code == 2
    assert reply_among([unnamed, {"id": 2, "result": {}}], 1).error_code == 1
    assert reply_among([], 1) is None


def test_numbers_are_written_as_they_were_read():
    text = b'{"jsonrpc": "2.0", "id": 1, "result": {"price": 18.00, "size": 1e3, "count": 12345678901234567890}}'
    assert encode(decode(text)[0]) == text


def test_everything_that_a_server_asks_is_refused_but_a_ping():
    assert reply_to({"id": "a", "method": "ping"}) == {"jsonrpc": "2.0", "id": "a", "result": {}}
    assert reply_to({"id": "a", "method": "sampling/createMessage"})["error"]["code"] == -32601
    assert not is_request({"method": "notifications/progress"})
