"""What of a request is passed through: paths of one reading, lists, and headers."""

from posixpath import normpath
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.errors import InvalidPathValue
from integrations.exchange.passed_headers import returned, sent_on
from integrations.exchange.passed_paths import ListedPath, names_in, one_path, one_query, without_parameters

PIECES = [
    "/", "//", ".", "..", "%2e", "%2E", "%252e", "%2f", "%252F", "%5c", "\\", ";", "a", "%61", "%00", "%", "é", " ",
]  # fmt: skip
parts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=8)
paths = parts.map(lambda found: "/" + "".join(found))


def as_servers_read(path):
    """What servers may make of a path: each layer of encoding undone, path parameters cut off, dots resolved."""
    for _ in range(4):
        for text in (path, path.replace("\\", "/")):
            yield normpath("/".join(part.partition(";")[0] for part in text.split("/")))
        path = unquote(path)


@given(paths)
@example("/a/..;x/b")
@example("/%252e%252e/x")
def test_whatever_is_sent_stays_below_the_base_url_for_every_server(path):
    try:
        sent = one_path(path)
    except InvalidPathValue:
        return
    assert sent.isascii()
    assert one_path(sent) == sent
    assert unquote(sent) == unquote(path)
    assert all(read == "/base" or read.startswith("/base/") for read in as_servers_read("/base" + sent))


@given(paths, paths)
def test_two_paths_that_a_server_reads_alike_are_sent_alike(one, other):
    try:
        sent = one_path(one), one_path(other)
    except InvalidPathValue:
        return
    assert (sent[0] == sent[1]) == (unquote(one) == unquote(other))


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="#"), max_size=30))
def test_a_query_goes_on_as_written_and_can_be_sent(query):
    sent = one_query(query)
    assert unquote(sent) == unquote(query)
    assert one_query(sent) == sent
    assert " " not in sent


@pytest.mark.parametrize(
    ("line", "covered", "others"),
    [
        ("GET /v1/models", ["GET /v1/models"], ["POST /v1/models", "GET /v1/models/", "GET /v1/model", "GET /v1"]),
        (
            "* /v1/{a}/{b}",
            ["GET /v1/x/y", "DELETE /v1/x/y"],
            ["GET /v1/x", "GET /v1/x/", "GET /v1//y", "GET /v1/x/y/z"],
        ),
        ("GET /**", ["GET /", "GET /a", "GET /a/b"], ["GET ", "POST /a"]),
        ("GET /v1/**", ["GET /v1/", "GET /v1/a/b"], ["GET /v1", "GET /v11/a"]),
        ("POST /v1/{a}/**", ["POST /v1/x/y"], ["POST /v1/x", "POST /v1//y"]),
        ("GET /a%7eb/%20", ["GET /a~b/%20"], ["GET /a~b/"]),
        ("GET /", ["GET /"], ["GET ", "GET /a"]),
    ],
)
def test_a_line_covers_what_it_says(line, covered, others):
    listed = ListedPath.parse(line)
    assert [text for text in covered if not listed.covers(*text.split(" "))] == []
    assert [text for text in others if listed.covers(*text.split(" "))] == []


NO_LINES = [
    "", "GET", "/v1", "GET v1", "get /v1", "TRACE /v1", "CONNECT /v1", "GET /v1 x", "GET //", "GET /a/../b", "GET /%2f",
    "GET /a{id}", "GET /{1}", "GET /{}", "GET /**/a", "GET /*/a", "GET /a//b", "GET /a?b", "GET /é", "GET /{a}{b}",
]  # fmt: skip


@pytest.mark.parametrize("line", NO_LINES)
def test_what_is_no_line(line):
    with pytest.raises(ValueError, match=r"\."):
        ListedPath.parse(line)


def test_parameters_of_the_connection_win_in_every_spelling():
    assert names_in("key=1&a%62=2&") == {"key", "ab"}
    assert without_parameters("key=x&KEY=y&%6bey=z&k%65y&other=key=1", {"key"}) == "KEY=y&other=key=1"


def test_headers_are_compared_as_servers_read_them():
    named = [("Connection", "x-a, X-B"), ("X_A", "3"), ("x-b", "3"), ("ok", "4")]
    assert sent_on([("X_Forwarded_For", "1"), ("X-API_key", "2"), *named], {"x-api-key"}) == [("ok", "4")]
    assert returned([("X_Accel_Redirect", "/x"), ("Set_Cookie", "a"), *named]) == [("ok", "4")]
