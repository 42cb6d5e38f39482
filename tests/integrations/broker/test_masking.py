"""What is passed on of an answer: masked in every part, in a form that JSON carries, or withheld."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.broker.masking import Answer, BodyType, mask_response
from integrations.exchange.returns import PassedOn, Returns
from integrations.transport.client import UpstreamResponse
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Reason
from tests.peers.tls_upstream import ok, upstream
from tests.support.integrations.calls import call

VALUE = "canary-5b1f-0815"
BEYOND_ASCII = "pässwörd-ü-0815"
SHORT = "4711"
JSON = ((b"Content-Type", b"application/json"),)


def masked(body=b"", *, headers=(), reason=b"OK", readable=True, value=VALUE) -> Answer:
    response = UpstreamResponse(200, reason, tuple(headers), body, readable)
    return mask_response(response, {"crm.key": Plaintext(value)})


@pytest.mark.parametrize(
    ("body", "headers", "shown"),
    [
        (b'{"id": 1, "f": 0.5}', JSON, ({"id": 1, "f": 0.5}, BodyType.JSON)),
        (b" [1]", (), ([1], BodyType.JSON)),
        (b"1", JSON, (1, BodyType.JSON)),
        (b"1", (), ("1", BodyType.TEXT)),
        (b"{no", JSON, ("{no", BodyType.TEXT)),
        (b"", JSON, ("", BodyType.TEXT)),
        ("é".encode(), (), ("é", BodyType.TEXT)),
        (b"\x89PNG\r\n", (), ("iVBORw0K", BodyType.BASE64)),
    ],
)
def test_a_body_is_passed_on_as_json_text_or_base64(body, headers, shown):
    answer = masked(body, headers=headers)
    assert (answer.body, answer.body_type, answer.body_bytes, answer.masked) == (*shown, len(body), [])


def test_values_are_masked_in_every_part():
    answer = masked(
        b'{"k": "canary-5b1f-0815"}', headers=[(b"X-canary-5b1f-0815", b"<canary-5b1f-0815>")], reason=VALUE.encode()
    )
    assert (answer.headers, answer.reason) == ([("X-[redacted]", "<[redacted]>")], "[redacted]")
    assert (answer.body, answer.masked) == ({"k": "[redacted]"}, ["crm.key"])


@pytest.mark.parametrize("codec", ["utf-8", "latin-1", "utf-16-le"])
def test_a_value_beyond_ascii_is_masked_in_its_bytes_before_anything_is_decoded(codec):
    echo = b"<" + BEYOND_ASCII.encode(codec) + b">"
    answer = masked(echo, headers=[(b"X-Echo", echo), (b"X-" + echo, b"")], reason=echo, value=BEYOND_ASCII)
    assert (answer.reason, answer.body) == ("<[redacted]>", "<[redacted]>")
    assert answer.headers == [("X-Echo", "<[redacted]>"), ("X-<[redacted]>", "")]


async def test_a_header_in_latin_1_is_masked_on_its_way_from_the_socket(trusting):
    echo = BEYOND_ASCII.encode("latin-1")
    answer = b"HTTP/1.1 403 " + echo + b"\r\nX-Echo: " + echo + b"\r\nContent-Length: 0\r\n\r\n"
    async with upstream(answer) as server:
        response = await call(server, trusting)
    shown = mask_response(response, {"crm.key": Plaintext(BEYOND_ASCII)})
    assert (shown.reason, shown.headers[0]) == ("[redacted]", ("X-Echo", "[redacted]"))


async def test_bytes_of_a_header_that_are_no_text_are_replaced(trusting):
    async with upstream(ok(b"", b"X-Odd: a\xffb")) as server:
        response = await call(server, trusting)
    assert response.headers[1] == (b"X-Odd", b"a\xffb")
    assert mask_response(response, {}).headers[1] == ("X-Odd", "a\N{REPLACEMENT CHARACTER}b")


HIDDEN = {
    "escaped value in a header": ({"headers": [(b"X-Echo", b"%63anary-5b1f-0815")]}, VALUE),
    "escaped value in the reason": ({"reason": b"&#99;anary-5b1f-0815"}, VALUE),
}


@pytest.mark.parametrize(("parts", "value"), HIDDEN.values(), ids=HIDDEN)
def test_what_cannot_be_cut_out_of_the_head_withholds_the_body_too(parts, value):
    answer = masked(b'{"harmless": true}', value=value, **parts)
    assert (answer.body, answer.body_type, answer.masked) == (None, BodyType.WITHHELD, ["crm.key"])
    assert "[withheld]" in (answer.reason, *(text for header in answer.headers for text in header))


@pytest.mark.parametrize("parts", [{}, {"headers": [(b"X-Echo", b"pin 4711")]}, {"reason": b"4711"}])
def test_a_run_with_a_short_value_passes_on_the_status_alone(parts):
    answer = masked(b'{"harmless": true}', value=SHORT, **parts)
    assert (answer.status, answer.reason, answer.headers, answer.body) == (200, "", [], None)
    assert (answer.body_type, answer.withheld, answer.masked) == (BodyType.WITHHELD, Reason.SHORT_VALUE, [])


def test_a_run_that_names_fields_passes_on_what_does_not_contain_the_short_value():
    named = Returns(PassedOn.FIELDS, "note")
    for body, shown in ((b'{"note": "harmless"}', "harmless"), (b'{"note": "pin 4711"}', None)):
        response = UpstreamResponse(200, b"OK", (), body, True)
        answer = mask_response(response, {"crm.pin": Plaintext(SHORT)}, returns=named)
        assert (answer.body, answer.withheld) == (shown, None if shown else Reason.SHORT_VALUE)


def test_what_can_be_cut_out_of_the_head_leaves_the_body():
    assert masked(b"fine", headers=[(b"X-Echo", VALUE.encode())]).body == "fine"


def test_a_body_that_was_not_readable_is_withheld():
    answer = masked(readable=False)
    assert (answer.body, answer.body_type, answer.withheld) == (None, BodyType.WITHHELD, Reason.ENCODING)


@pytest.mark.parametrize("text", ['{"n": 1, "n": 2}', "[NaN]", "[Infinity]", '["\\ud800"]', "[" * 20_000, "1" * 5_000])
def test_what_json_cannot_say_again_is_passed_on_as_text(text):
    answer = masked(text.encode(), headers=JSON)
    assert (answer.body, answer.body_type) == (text, BodyType.TEXT)
    json.dumps(answer.body, allow_nan=False, ensure_ascii=False).encode()


def test_json_is_passed_on_as_deep_as_its_writers_can_follow():
    shown = [masked(b"[" * depth + b'{"a": 1}' + b"]" * depth).body_type for depth in (199, 200, 900)]
    assert shown == [BodyType.JSON, BodyType.TEXT, BodyType.TEXT]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12345678", "1.2345678E7"),
        ("12345678", "1234567.8e1"),
        ("12345678", "123.45678e5"),
        ("-12345678", "-1.2345678e+07"),
        ("3.14159265", "314159265e-8"),
    ],
)
@pytest.mark.parametrize("body", ["%s", '{"a": [{"b": %s}]}'])
def test_a_number_that_is_written_otherwise_shows_no_value(value, number, body):
    answer = masked((body % number).encode(), headers=JSON, value=value)
    assert (answer.body, answer.body_type, answer.masked) == (None, BodyType.WITHHELD, ["crm.key"])


@pytest.mark.parametrize("number", ["1.5", "1.50", "1e3", "1E-2", "12345678.0e0"])
def test_other_numbers_are_passed_on(number):
    answer = masked(b"[%s]" % number.encode())
    assert (answer.body, answer.body_type) == ([float(number)], BodyType.JSON)


def written(character):
    """A character as JSON, HTML, percent-encoding or nobody writes it."""
    code = ord(character)
    ways = [character, f"\\u{code:04x}", f"\\u{code:04X}", f"%{code:02x}", f"&#{code};", f"&#x{code:x};"]
    return st.sampled_from([*ways, f"{character} ", f"{character}\u200b", f"\\x{code:02x}"])


NUMERIC = "8126344098"
pieces = st.one_of(
    st.text(max_size=10),
    st.tuples(*map(written, VALUE)).map("".join),
    st.tuples(*map(written, NUMERIC)).map("".join),
    st.integers(-12, 12).map(lambda places: f"{int(NUMERIC)}e{places}"),
    st.integers(1, 9).map(lambda at: f"{NUMERIC[:at]}.{NUMERIC[at:]}E{len(NUMERIC) - at}"),
    st.sampled_from(['{"a": "', '": ', "[", "]", '"}', ",", '"', " ", VALUE[:8], VALUE[8:], VALUE, NUMERIC]),
)
bodies = st.one_of(
    st.lists(pieces, max_size=6).map("".join),
    st.lists(pieces, max_size=4).map(lambda found: f'{{"k": ["{"".join(found)}"]}}'),
    st.lists(pieces, max_size=4).map(lambda found: f"[{','.join(found)}]"),
    st.lists(pieces, max_size=4).map(lambda found: json.dumps({"".join(found): found})),
)


@settings(max_examples=250, deadline=None)
@given(body=bodies, header=st.lists(pieces, max_size=3).map("".join), says_json=st.booleans())
def test_whatever_the_upstream_says_no_value_comes_back(body, header, says_json):
    """Neither as it is passed on nor as somebody reads who takes the JSON apart."""
    head = ((b"X-Echo", header.encode("utf-8", "replace")), *(JSON if says_json else ()))
    response = UpstreamResponse(200, header.encode("utf-8", "replace"), head, body.encode("utf-8", "replace"), True)
    answer = mask_response(response, {"a": Plaintext(VALUE), "b": Plaintext(NUMERIC)})
    shown = [answer.reason, *(text for pair in answer.headers for text in pair), json.dumps(answer.body)]
    shown += [json.dumps(answer.body, ensure_ascii=False), *texts_in(answer.body)]
    assert not [text for text in shown if VALUE in text or NUMERIC in text]


def texts_in(node):
    if isinstance(node, dict):
        return [text for pair in node.items() for part in pair for text in texts_in(part)]
    if isinstance(node, list):
        return [text for part in node for text in texts_in(part)]
    return [str(node)]


def zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("answer.txt", text)
    return file.getvalue()


ECHO = VALUE.encode() * 20


def deflated(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(text) + stream.flush()


COMPRESSED = {
    "deflate": deflated(ECHO),
    "deflate of much": deflated(ECHO * 400),
    "lzma": lzma.compress(ECHO, format=lzma.FORMAT_ALONE),
    "compress": b"\x1f\x9d\x90\xff",
    "lz4": b"\x04\x22\x4d\x18\xff",
    "lzip": b"LZIP\x01\xff",
    "snappy": b"\xff\x06\x00\x00sNaPpY\xff",
    "gzip": gzip.compress(ECHO),
    "gzip, cut off": gzip.compress(ECHO)[:-4],
    "zlib": zlib.compress(ECHO),
    "zlib, fastest": zlib.compress(ECHO, level=1),
    "zlib, cut off": zlib.compress(ECHO)[:-4],
    "zlib and something after it": zlib.compress(ECHO) + b"\xff",
    "zip": zipped(ECHO),
    "empty zip": b"PK\x05\x06" + bytes(18) + b"\xff",
    "zip in parts": b"PK\x07\x08" + zipped(ECHO),
    "bzip2": bz2.compress(ECHO),
    "xz": lzma.compress(ECHO),
    "zstd": bytes.fromhex("28b52ffd") + b"\x04\x00\xff",
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04",
    "rar": b"Rar!\x1a\x07\x01\x00\xff",
}


@pytest.mark.parametrize("body", COMPRESSED.values(), ids=COMPRESSED)
@pytest.mark.parametrize("media_type", [b"application/gzip", b"application/octet-stream", b"text/plain"])
def test_a_compressed_body_is_withheld_whatever_it_says_it_is(body, media_type):
    answer = masked(body, headers=[(b"Content-Type", media_type)])
    assert (answer.body, answer.body_bytes, answer.withheld) == (None, len(body), Reason.COMPRESSED)


@pytest.mark.parametrize(
    "body",
    [
        b"x^2 + y^2",
        b"BZh is a text",
        b"PK",
        b"7z",
        b"Rar!",
        b"x\x9c is no stream \xff",
        b"x\xda",
        b"LZIP is a text",
        deflated(ECHO) + b"\xff",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_a_body_that_only_begins_like_a_compressed_one_is_passed_on(body):
    assert masked(body).body_type in {BodyType.TEXT, BodyType.BASE64}
