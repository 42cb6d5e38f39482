"""What is no request that may be passed through, by raw bytes to a real server: refused, nothing sent or crashed."""

import asyncio
import json
import logging

import pytest

from integrations.models import Run
from tests.support.api.passing import Echo, connected, play
from tests.support.things import VALUE

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

AT = "/proxy/CRM%20API"
OURS, THEIRS, NOBODY = "of Coffer", "of the server", "closed"


def head(key, line=f"GET {AT}/x HTTP/1.1", *lines, host="localhost"):
    return "\r\n".join([line, f"Host: {host}", f"X-Api-Key: {key}", *lines, "", ""]).encode()


def posted(key, *lines):
    return head(key, f"POST {AT}/x HTTP/1.1", *lines)


CASES = {
    "two lengths": lambda key: (posted(key, "Content-Length: 3", "Content-Length: 4") + b"abcd", THEIRS, 400),
    "a list of lengths": lambda key: (posted(key, "Content-Length: 3, 3") + b"abc", THEIRS, 400),
    "no number as length": lambda key: (posted(key, "Content-Length: +3") + b"abc", THEIRS, 400),
    "chunked and length": lambda key: (
        posted(key, "Transfer-Encoding: chunked", "Content-Length: 3") + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        THEIRS, 400,
    ),
    "a coding after chunked": lambda key: (posted(key, "Transfer-Encoding: chunked, x") + b"0\r\n\r\n", THEIRS, 400),
    "a bad chunk size": lambda key: (posted(key, "Transfer-Encoding: chunked") + b"xyz\r\nabc", THEIRS, 400),
    "a negative chunk size": lambda key: (posted(key, "Transfer-Encoding: chunked") + b"-1\r\nabc", THEIRS, 400),
    "a folded header": lambda key: (head(key, f"GET {AT}/x HTTP/1.1", "X-A: b", " c"), THEIRS, 400),
    "a blank before a colon": lambda key: (head(key, f"GET {AT}/x HTTP/1.1", "X-A : b"), THEIRS, 400),
    "a NUL in a header": lambda key: (head(key, f"GET {AT}/x HTTP/1.1", "X-A: b\0c"), THEIRS, 400),
    "a bare line feed": lambda key: (b"GET /proxy/CRM%20API/x HTTP/1.1\nHost: localhost\n\n", THEIRS, 400),
    "CONNECT": lambda key: (head(key, "CONNECT localhost:443 HTTP/1.1"), THEIRS, 400),
    "CONNECT with a path": lambda key: (head(key, f"CONNECT {AT}/x HTTP/1.1"), OURS, "method_not_allowed"),
    "TRACE": lambda key: (head(key, f"TRACE {AT}/x HTTP/1.1"), OURS, "method_not_allowed"),
    "a method that nobody knows": lambda key: (head(key, f"EXPLODE {AT}/x HTTP/1.1"), THEIRS, 400),
    "two slashes": lambda key: (head(key, f"GET {AT}//x HTTP/1.1"), OURS, "invalid_path_value"),
    "dot segments": lambda key: (head(key, f"GET {AT}/a/../../../api/v1/key HTTP/1.1"), OURS, "invalid_path_value"),
    "encoded dots": lambda key: (head(key, f"GET {AT}/%2e%2E/x HTTP/1.1"), OURS, "invalid_path_value"),
    "an encoded slash": lambda key: (head(key, f"GET {AT}/a%2Fb HTTP/1.1"), OURS, "invalid_path_value"),
    "a path that is no path": lambda key: (head(key, f"GET {AT}/{{x}} HTTP/1.1"), OURS, "invalid_path_value"),
    "a path beyond ASCII": lambda key: (f"GET {AT}/\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), THEIRS, 400),
    "a Host of somebody else": lambda key: (head(key, host="evil.example"), OURS, "bad_request"),
    "two Hosts": lambda key: (head(key, f"GET {AT}/x HTTP/1.1", "Host: evil.example"), OURS, "bad_request"),
    "no Host": lambda key: (head(key).replace(b"Host: localhost\r\n", b""), OURS, "bad_request"),
    "HTTP/1.0": lambda key: (head(key, f"GET {AT}/x HTTP/1.0"), OURS, "http_version_not_supported"),
    "10,000 headers": lambda key: (
        head(key, f"GET {AT}/x HTTP/1.1", *[f"X-{n}: {n}" for n in range(10_000)]),
        OURS, "request_header_fields_too_large",
    ),
    "a header of a megabyte": lambda key: (
        head(key, f"GET {AT}/x HTTP/1.1", "X-A: " + "b" * 1_000_000), OURS, "request_header_fields_too_large",
    ),
    "a header that HTTP has no place for": lambda key: (
        head(key, f"GET {AT}/x HTTP/1.1", "X-A: \xe9").decode().encode("latin-1"), OURS, "invalid_header_value",
    ),
    "more than is taken": lambda key: (posted(key, "Content-Length: 2000000000"), OURS, "too_large"),
    "a request that never ends": lambda key: (posted(key, "Content-Length: 100") + b"abc", OURS, "request_timed_out"),
    "no key and a long body": lambda key: (posted("nothing", "Content-Length: 100"), OURS, "unauthenticated"),
}  # fmt: skip


async def answer_to(client, raw):
    """Status and body of what the server says to these bytes."""
    reader, writer = await asyncio.open_connection("localhost", int(client.address.rpartition(":")[2]), limit=1 << 22)
    try:
        writer.write(raw)
        lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        return int(lines[0].split(" ")[1]), fields, body
    finally:
        writer.close()


def test_what_is_no_request_is_refused(owner, caplog):
    async def story(client):
        for name, case in CASES.items():
            raw, whose, expected = case(client.key)
            status, fields, body = await answer_to(client, raw)
            if whose is THEIRS:
                assert (status, "coffer-error" in fields) == (expected, False), (name, body)
            else:
                assert (fields.get("coffer-error"), json.loads(body)["code"]) == (expected, expected), (name, body)
            assert VALUE.encode() not in body
        async with client.ask("GET", "/x") as answer:  # the server is well
            assert answer.status == 200

    echo = Echo()
    with caplog.at_level(logging.ERROR), connected(owner, echo, idle_seconds=1) as (_, key):
        play(key, story)
    whole = [one for one in echo.received if one.startswith(b"GET ")]
    assert (len(whole), caplog.records) == (1, [])
    codes = {"invalid_header_value", "request_timed_out", "cancelled", ""}
    assert set(Run.objects.values_list("error_code", flat=True)) == codes


def test_an_absolute_target_is_read_as_its_path(owner):
    """RFC 9112 section 3.2.2; it leads nowhere else, because the connection says where."""

    async def story(client):
        status, _, _ = await answer_to(client, head(client.key, f"GET http://evil.example{AT}/x HTTP/1.1"))
        assert status == 200

    echo = Echo(body=b"")
    with connected(owner, echo) as (_, key):
        play(key, story)
    assert echo.target == b"/x"
