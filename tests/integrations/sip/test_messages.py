"""SIP messages and URIs: what is read, what is written, what is refused."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sip.messages import (
    MAX_BYTES,
    MalformedSip,
    SipRequest,
    SipTooLarge,
    body_length,
    read_datagram,
    read_head,
    shown_reason,
    uri_user,
    write,
)
from integrations.sip.uris import host_of, is_telephone

OK = (
    b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa;rport=1\r\nVIA : SIP/2.0/UDP outer;branch=b\r\n"
    b"f: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n ;tag=2\r\ni: call\r\nCSeq: 1 REGISTER\r\nl: 0\r\n\r\n"
)


def test_a_response_with_compact_and_folded_headers():
    message = read_datagram(OK)
    assert (message.status, message.reason) == (200, "OK")
    assert message.every("via") == ["SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa;rport=1", "SIP/2.0/UDP outer;branch=b"]
    assert message.every("to") == ["<sip:a@b> ;tag=2"]
    assert (message.is_final, message.is_success, body_length(message)) == (True, True, 0)


@pytest.mark.parametrize(
    ("branch", "cseq", "expected"),
    [
        ("z9hG4bKa", (1, "REGISTER"), True),
        ("b", (1, "REGISTER"), False),
        ("z9hG4bK", (1, "REGISTER"), False),
        ("z9hG4bKa", (2, "REGISTER"), False),
        ("z9hG4bKa", (1, "OPTIONS"), False),
    ],
)
def test_a_response_belongs_to_one_request(branch, cseq, expected):
    assert read_datagram(OK).answers(branch, cseq) is expected


def test_a_request_of_the_peer_answers_nothing():
    message = read_datagram(OK.replace(b"SIP/2.0 200 OK", b"OPTIONS sip:a@b SIP/2.0"))
    assert message.status is None
    assert not message.answers("z9hG4bKa", (1, "REGISTER"))


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0"])
def test_keep_alives_say_nothing(raw):
    assert read_datagram(raw) is None


MALFORMED = {
    "HTTP": b"HTTP/1.1 200 OK\r\n\r\n",
    "another version": b"SIP/3.0 200 OK\r\n\r\n",
    "no status": b"SIP/2.0 OK\r\n\r\n",
    "status 999": b"SIP/2.0 999 OK\r\n\r\n",
    "no end": b"SIP/2.0 200 OK\r\nTo: x\r\n",
    "garbage": b"\x80\xff garbage\r\n\r\n",
    "header without colon": b"SIP/2.0 200 OK\r\nnothing\r\n\r\n",
    "bare line feed": b"SIP/2.0 200 OK\r\nTo: a\nVia: b\r\n\r\n",
    "two CSeq": b"SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\nCSeq: 2 OPTIONS\r\n\r\n",
    "two lengths, one compact": b"SIP/2.0 200 OK\r\nContent-Length: 0\r\nl: 5\r\n\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_message_is_refused(raw):
    with pytest.raises(MalformedSip):
        read_datagram(raw)


@pytest.mark.parametrize("length", [b"", b"Content-Length: -1\r\n", b"Content-Length: 1e3\r\n"])
def test_a_stream_needs_a_length(length):
    with pytest.raises(MalformedSip):
        body_length(read_datagram(b"SIP/2.0 200 OK\r\n" + length + b"\r\n"))


@pytest.mark.parametrize(
    "raw",
    [
        b"SIP/2.0 200 OK\r\nX: " + b"a" * MAX_BYTES + b"\r\n\r\n",
        b"SIP/2.0 200 OK\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"SIP/2.0 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
    ids=["whole", "one line", "many lines"],
)
def test_oversized_messages_are_refused(raw):
    with pytest.raises(SipTooLarge):
        read_datagram(raw)


def test_an_oversized_body_is_refused():
    with pytest.raises(SipTooLarge):
        body_length(read_datagram(b"SIP/2.0 200 OK\r\nContent-Length: 99999\r\n\r\n"))


def test_a_message_full_of_blanks_costs_no_time():
    lines = b"".join(b"X: a" + b" " * 8000 + b"b\r\n" for _ in range(7))
    started = time.process_time()
    assert len(read_datagram(b"SIP/2.0 200 OK\r\n" + lines + b"\r\n").headers) == 7
    assert time.process_time() - started < 0.2


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw):
    for prefix in (b"", b"SIP/2.0 200 OK\r\n"):
        try:
            read_datagram(prefix + raw)
        except MalformedSip:
            continue


def test_a_request_as_it_is_sent():
    request = SipRequest("OPTIONS", "sip:sip.test", (("CSeq", "1 OPTIONS"),))
    assert write(request, "SIP/2.0/UDP x;branch=y") == (
        b"OPTIONS sip:sip.test SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=y\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize("text", ["a\r\nVia: b", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("place", ["method", "uri", "name", "value"])
def test_a_line_break_is_never_sent(text, place):
    parts = {"method": "OPTIONS", "uri": "sip:x", "name": "To", "value": "y"} | {place: text}
    with pytest.raises(ValueError):
        write(SipRequest(parts["method"], parts["uri"], ((parts["name"], parts["value"]),)), "via")


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_user_name_is_one_part_of_a_uri(name):
    user = uri_user(name)
    assert not set(user) & set('@:<>"\\ \r\n\0')
    if user and len(user) < 200:
        assert host_of(f"sip:{user}@sip.test") == "sip.test"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"SIP/2.0 403 Forbidden", "403 Forbidden"),
        (b"SIP/2.0 403", "403"),
        (b"SIP/2.0 403 " + b"a" * 80, "403 " + "a" * 80),
        (b"SIP/2.0 403 " + b"a" * 81, "403"),
        ("SIP/2.0 403 Nein\u202e\x1b[31m".encode(), "403"),
    ],
)
def test_a_strangers_reason_is_shown_whole_or_not_at_all(line, shown):
    assert shown_reason(read_head(line)) == shown


URIS = {
    "sip:sip.test": "sip.test",
    "SIP:Sip.Test:5060": "sip.test",
    "sips:alice@sip.test;transport=tls": "sip.test",
    "sip:+49-40.5550(0100)@sip.test": "sip.test",
    "sip:a%20b@192.0.2.1": "192.0.2.1",
    "sip:alice@[2001:DB8:0::1]:5061;lr": "2001:db8::1",
    "sip:" + "a" * 1011 + "@sip.test": "sip.test",
}
NO_URIS = [
    "",
    "sip:",
    "sip.test",
    "tel:+4940",
    "http://sip.test",
    "sip:a@b@sip.test",
    "sip:alice:password@sip.test",
    "sip:alice@sip.test?Route=x",
    "sip:alice@sip.test;maddr=198.51.100.1",
    "sip:alice@sip.test;MADDR=198.51.100.1",
    "sip:alice@sip.test;%6daddr=198.51.100.1",
    "sip:alice@sip.test;lr;maddr=198.51.100.1",
    "sip:alice@sip.test\r\nVia: x",
    "sip:alice@sip.test ",
    'sip:al"ice@sip.test',
    "sip:alice@sip.test,sip:eve@sip.test",
    "<sip:alice@sip.test>",
    "sip:alice@s\u00efp.test",
    "sip:" + "a" * 1012 + "@sip.test",
    "sip:alice@[2001:db8::1::2]",
]


@pytest.mark.parametrize(("uri", "host"), URIS.items())
def test_the_host_of_a_uri(uri, host):
    assert host_of(uri) == host


@pytest.mark.parametrize("uri", NO_URIS)
def test_a_uri_that_could_be_read_otherwise_has_none(uri):
    assert host_of(uri) is None


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("tel:+49-40.5550(0100)", True),
        ("TEL:+494055500100;isub=1;ext=22", True),
        ("tel:7042;phone-context=sip.test", True),
        ("tel:*21*100#", True),
        ("tel:", False),
        ("tel:+", False),
        ("tel:+49 40", False),
        ("tel:+4940@sip.test", False),
        ("tel:+4940?x=y", False),
        ("tel:+4940\r\nVia: x", False),
        ("tel:+" + "4" * 1024, False),
        ("sip:+4940@sip.test", False),
    ],
)
def test_a_telephone_number_as_uri(uri, expected):
    assert is_telephone(uri) is expected
